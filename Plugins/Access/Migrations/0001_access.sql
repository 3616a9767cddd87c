-- Who may do what: users, roles, API keys, and the sessions that are open.
CREATE TABLE access_roles (
  id TEXT PRIMARY KEY,
  permissions TEXT NOT NULL
);

CREATE TABLE access_users (
  name TEXT PRIMARY KEY,
  display_name TEXT NOT NULL,
  language TEXT NOT NULL,
  roles TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  must_change_password BIGINT NOT NULL,
  disabled BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  locked_until TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

-- Only hashes of the secrets are kept.
CREATE TABLE access_keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  roles TEXT NOT NULL,
  secret_sha256 TEXT NOT NULL UNIQUE,
  expires_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL
);

CREATE TABLE access_sessions (
  id TEXT PRIMARY KEY,
  user_name TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  refresh_sha256 TEXT NOT NULL
);
CREATE INDEX access_sessions_by_user ON access_sessions (user_name);
CREATE INDEX access_sessions_by_expiry ON access_sessions (expires_at);

-- One row: the key that signs tokens, and a number that grows with each change of the tables above.
CREATE TABLE access_state (
  id BIGINT PRIMARY KEY,
  signing_key TEXT NOT NULL,
  version BIGINT NOT NULL
);

-- What somebody wants deleted, until somebody else agrees.
CREATE TABLE access_deletions (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL,
  orthanc_study_id TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  number_of_instances BIGINT NOT NULL,
  reason TEXT NOT NULL,
  state TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  decided_by TEXT NOT NULL,
  decided_at TEXT NOT NULL,
  comment TEXT NOT NULL
);
CREATE INDEX access_deletions_by_state ON access_deletions (state, requested_at);
CREATE INDEX access_deletions_by_study ON access_deletions (orthanc_study_id);

-- AE titles that called and that nobody knows.
CREATE TABLE access_unknown_modalities (
  calling_ae TEXT PRIMARY KEY,
  first_seen_at TEXT NOT NULL,
  last_seen_at TEXT NOT NULL,
  instances BIGINT NOT NULL
);

-- One row: the last record of the audit trail that the syslog server has got.
CREATE TABLE access_audit_forward (
  id BIGINT PRIMARY KEY,
  sent_serial BIGINT NOT NULL
);
INSERT INTO access_audit_forward (id, sent_serial) VALUES (1, 0);
