-- Remote servers, and the studies that are fetched from them.

-- `document` is what is shown of it; the secrets stand beside it, so that nobody writes them out by mistake.
CREATE TABLE remote_servers (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL,
  document TEXT NOT NULL,
  password TEXT NOT NULL,
  token TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX remote_servers_by_practice ON remote_servers (practice_id);

CREATE TABLE imports (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL,
  server_id TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  orthanc_study_id TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  state TEXT NOT NULL,
  instances_total BIGINT NOT NULL,
  instances_done BIGINT NOT NULL,
  error TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX imports_by_practice ON imports (practice_id, requested_at);
CREATE INDEX imports_by_study ON imports (study_instance_uid, server_id);
-- A study is fetched once at a time.
CREATE UNIQUE INDEX imports_open ON imports (server_id, study_instance_uid) WHERE state IN ('queued', 'running');
