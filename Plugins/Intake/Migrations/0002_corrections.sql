-- Corrections of what stored studies say. state: 'pending', 'completed'.
CREATE TABLE study_corrections (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL,
  orthanc_study_id TEXT NOT NULL,
  new_orthanc_study_id TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  state TEXT NOT NULL,
  changes TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  completed_at TEXT
);
CREATE INDEX study_corrections_by_study ON study_corrections (study_instance_uid, requested_at);
