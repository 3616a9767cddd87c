-- What CRMs have told: each event once, and how new what is known of each record is.

-- Secrets that were given by REST; practice_id is empty for every practice.
CREATE TABLE incoming_senders (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL,
  secret TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

CREATE TABLE incoming_events (
  practice_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  received_at TEXT NOT NULL,
  PRIMARY KEY (practice_id, event_id)
);
CREATE INDEX incoming_events_by_time ON incoming_events (received_at);

-- kind is 'patient' (or lead), 'appointment' or 'order'. version: the time of the last event that was taken, empty
-- before the first. By practice, so that none stands in the way of another. A record that was deleted stays here for a while, lest a late event resurrects it.
CREATE TABLE incoming_records (
  practice_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  record_id TEXT NOT NULL,
  version TEXT NOT NULL,
  deleted INTEGER NOT NULL,
  touched_at TEXT NOT NULL,
  PRIMARY KEY (practice_id, kind, record_id)
);
CREATE INDEX incoming_records_by_time ON incoming_records (touched_at);
