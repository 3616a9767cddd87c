-- The tables that every plugin shares. Times are RFC 3339 in UTC with milliseconds (they sort as text); documents
-- are JSON; flags are 0 or 1. The statements are in the subset that SQLite and PostgreSQL have in common; COLLATE "C"
-- is left out for SQLite, whose text sorts by code point anyway.

CREATE TABLE serials (
  name TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);
INSERT INTO serials (name, value) VALUES ('serial', 0);
INSERT INTO serials (name, value) VALUES ('probe', 0);

CREATE TABLE practices (
  id TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

INSERT INTO practices (id, document, updated_at) VALUES ('default',
  '{"id":"default","name":"","calling_ae_titles":[],"called_ae_titles":[],"institution_names":[],"time_zone":"America/Toronto","language":"fr","crm_user_id":"","updated_at":"1970-01-01T00:00:00.000Z"}',
  '1970-01-01T00:00:00.000Z');

-- An AE title leads to one practice only: kind is 'calling' or 'called'.
CREATE TABLE practice_ae_titles (
  kind TEXT NOT NULL,
  ae_title TEXT NOT NULL,
  practice_id TEXT NOT NULL REFERENCES practices (id) ON DELETE CASCADE,
  PRIMARY KEY (kind, ae_title)
);
CREATE TABLE practice_institutions (
  institution_name TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL REFERENCES practices (id) ON DELETE CASCADE
);

CREATE TABLE patients (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL REFERENCES practices (id),
  kind TEXT NOT NULL,
  document TEXT NOT NULL,
  merged_into TEXT,
  sort_name TEXT COLLATE "C" NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX patients_by_practice ON patients (practice_id, sort_name, id);
CREATE INDEX patients_by_survivor ON patients (merged_into);

-- What a search finds: folded words of the names, e-mail, phone.
CREATE TABLE patient_words (
  word TEXT COLLATE "C" NOT NULL,
  patient_id TEXT NOT NULL REFERENCES patients (id) ON DELETE CASCADE,
  PRIMARY KEY (word, patient_id)
);
CREATE INDEX patient_words_by_patient ON patient_words (patient_id);

CREATE TABLE patient_identifiers (
  value TEXT COLLATE "C" NOT NULL,
  issuer TEXT NOT NULL,
  patient_id TEXT NOT NULL REFERENCES patients (id) ON DELETE CASCADE,
  PRIMARY KEY (value, issuer, patient_id)
);
CREATE INDEX patient_identifiers_by_patient ON patient_identifiers (patient_id);

-- The last change of each patient, also of a deleted one: what an index in memory follows.
CREATE TABLE patient_changes (
  patient_id TEXT PRIMARY KEY,
  serial BIGINT NOT NULL
);
CREATE UNIQUE INDEX patient_changes_by_serial ON patient_changes (serial);

-- A merge and the studies that it moved, so that it can be undone.
CREATE TABLE patient_merges (
  id TEXT PRIMARY KEY,
  patient_id TEXT NOT NULL,
  survivor_id TEXT NOT NULL,
  studies TEXT NOT NULL,
  merged_by TEXT NOT NULL,
  merged_at TEXT NOT NULL,
  undone_at TEXT
);
CREATE INDEX patient_merges_by_patient ON patient_merges (patient_id);

CREATE TABLE studies (
  orthanc_study_id TEXT PRIMARY KEY,
  study_instance_uid TEXT NOT NULL,
  practice_id TEXT NOT NULL,
  modalities TEXT NOT NULL,
  study_date TEXT NOT NULL,
  study_time TEXT NOT NULL,
  study_description TEXT NOT NULL,
  accession_number TEXT NOT NULL,
  institution_name TEXT NOT NULL,
  demographics TEXT NOT NULL,
  contradictions TEXT NOT NULL,
  number_of_series INTEGER NOT NULL,
  number_of_instances INTEGER NOT NULL,
  total_size_bytes BIGINT NOT NULL,
  source TEXT NOT NULL,
  received_at TEXT NOT NULL,
  last_instance_at TEXT NOT NULL,
  settled_at TEXT,
  match_status TEXT NOT NULL,
  match_patient_id TEXT,
  match_decided_by TEXT,
  match_decided_at TEXT,
  match_probability DOUBLE PRECISION,
  match_detail TEXT NOT NULL
);
CREATE INDEX studies_by_uid ON studies (study_instance_uid);
CREATE INDEX studies_by_received ON studies (received_at, orthanc_study_id);
CREATE INDEX studies_by_practice ON studies (practice_id, received_at);
CREATE INDEX studies_by_patient ON studies (match_patient_id, received_at);
CREATE INDEX studies_by_match ON studies (match_status, received_at);
CREATE INDEX studies_by_accession ON studies (accession_number);

-- How far each subscriber has read the change log of each Orthanc index (see Core/Feed).
CREATE TABLE feed_cursors (
  orthanc_index TEXT NOT NULL,
  subscriber TEXT NOT NULL,
  position BIGINT NOT NULL,
  swept_at TEXT,
  PRIMARY KEY (orthanc_index, subscriber)
);

CREATE TABLE tasks (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  payload TEXT NOT NULL,
  state TEXT NOT NULL,
  generation INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  due_at TEXT NOT NULL,
  lease TEXT,
  leased_until TEXT,
  last_error TEXT,
  created_at TEXT NOT NULL,
  UNIQUE (kind, key)
);
CREATE INDEX tasks_by_due ON tasks (state, kind, due_at);

CREATE TABLE events (
  serial BIGINT PRIMARY KEY,
  type TEXT NOT NULL,
  practice_id TEXT NOT NULL,
  data TEXT NOT NULL,
  created_at TEXT NOT NULL
);

CREATE TABLE audit (
  serial BIGINT PRIMARY KEY,
  at TEXT NOT NULL,
  principal TEXT NOT NULL,
  remote_address TEXT NOT NULL,
  action TEXT NOT NULL,
  practice_id TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX audit_by_patient ON audit (patient_id, serial);
CREATE INDEX audit_by_study ON audit (study_instance_uid, serial);
