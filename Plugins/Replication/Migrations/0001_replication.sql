-- What each target holds of Orthanc's instances.
CREATE TABLE replicas (
  target TEXT NOT NULL,
  orthanc_instance_id TEXT NOT NULL,
  orthanc_study_id TEXT NOT NULL,
  object_key TEXT NOT NULL,
  transfer_syntax TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  state TEXT NOT NULL,
  error TEXT NOT NULL,
  replicated_at TEXT NOT NULL,
  verified_at TEXT,
  PRIMARY KEY (target, orthanc_instance_id)
);
CREATE INDEX replicas_by_study ON replicas (orthanc_study_id, target);
CREATE INDEX replicas_by_verification ON replicas (target, verified_at);

-- An upload in parts that was begun: so that it goes on where it stopped.
CREATE TABLE replica_uploads (
  target TEXT NOT NULL,
  object_key TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  upload_id TEXT NOT NULL,
  begun_at TEXT NOT NULL,
  PRIMARY KEY (target, object_key)
);

-- The last manifest of each study.
CREATE TABLE replica_manifests (
  target TEXT NOT NULL,
  orthanc_study_id TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  version INTEGER NOT NULL,
  number_of_instances INTEGER NOT NULL,
  written_at TEXT NOT NULL,
  PRIMARY KEY (target, orthanc_study_id)
);

CREATE TABLE restores (
  id TEXT PRIMARY KEY,
  target TEXT NOT NULL,
  state TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  studies_total INTEGER NOT NULL,
  studies_done INTEGER NOT NULL,
  instances_done INTEGER NOT NULL,
  errors TEXT NOT NULL
);
