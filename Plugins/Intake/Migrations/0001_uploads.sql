-- What people and systems uploaded: the log, one row per study of an upload, and the uploads that run as jobs.

CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  orthanc_study_id TEXT NOT NULL,
  uploaded_by TEXT NOT NULL,
  status TEXT NOT NULL,
  uploaded_at TEXT NOT NULL,
  words TEXT NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX uploads_by_time ON uploads (uploaded_at, id);
CREATE INDEX uploads_by_practice ON uploads (practice_id, uploaded_at);
CREATE INDEX uploads_by_patient ON uploads (patient_id, uploaded_at);
CREATE INDEX uploads_by_order ON uploads (order_id, uploaded_at);
CREATE INDEX uploads_by_user ON uploads (uploaded_by, uploaded_at);
CREATE INDEX uploads_by_study ON uploads (orthanc_study_id);

-- state: 'pending', 'processing', 'completed', 'failed', 'cancelled'; file: its name in the upload folder.
CREATE TABLE upload_jobs (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  state TEXT NOT NULL,
  file TEXT NOT NULL,
  total INTEGER NOT NULL,
  request TEXT NOT NULL,
  answer TEXT NOT NULL,
  created_at TEXT NOT NULL,
  completed_at TEXT
);
CREATE INDEX upload_jobs_by_time ON upload_jobs (created_at);

CREATE TABLE upload_job_files (
  job_id TEXT NOT NULL REFERENCES upload_jobs (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  result TEXT NOT NULL,
  PRIMARY KEY (job_id, number)
);
