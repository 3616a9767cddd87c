-- Targets that people make by REST, each of one practice. A deleted one keeps its row, without its secrets, so that
-- every process hears of it.
CREATE TABLE vnas (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL,
  priority INTEGER NOT NULL,
  is_default INTEGER NOT NULL,
  document TEXT NOT NULL,
  credentials TEXT NOT NULL,
  deleted INTEGER NOT NULL,
  serial BIGINT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX vnas_by_practice ON vnas (practice_id, deleted);
CREATE INDEX vnas_by_serial ON vnas (serial);

-- To which of them an instance goes; '' if to none.
CREATE TABLE replica_routes (
  orthanc_instance_id TEXT PRIMARY KEY,
  orthanc_study_id TEXT NOT NULL,
  target TEXT NOT NULL,
  rule TEXT NOT NULL,
  compress INTEGER NOT NULL,
  routed_at TEXT NOT NULL
);
CREATE INDEX replica_routes_by_study ON replica_routes (orthanc_study_id, target);
CREATE INDEX replica_routes_by_target ON replica_routes (target);
