-- Under which keys a study can be found by a patient: hashes of the blocking keys of its demographics, and
-- 'patient:<id>' for each candidate of its last decision.
CREATE TABLE match_keys (
  key TEXT COLLATE "C" NOT NULL,
  orthanc_study_id TEXT NOT NULL REFERENCES studies (orthanc_study_id) ON DELETE CASCADE,
  PRIMARY KEY (key, orthanc_study_id)
);
CREATE INDEX match_keys_by_study ON match_keys (orthanc_study_id);

-- 'directory': up to which change of the directory the studies were looked at again.
CREATE TABLE match_cursors (
  name TEXT PRIMARY KEY,
  serial BIGINT NOT NULL
);

-- The parameters that were estimated from the clinic's own data, as JSON with a version.
CREATE TABLE match_parameters (
  id TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  estimated_at TEXT NOT NULL
);
