-- Once: the X-rays of the studies that were there before the plugin.
INSERT INTO tasks (id, kind, key, payload, state, generation, attempts, due_at, created_at)
VALUES ('xrays-of-archive', 'record.xrays-of-archive', 'all', '{}', 'due', 1, 0,
  '1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z');
