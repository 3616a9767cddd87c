-- Why studies are being deleted, from the moment that Orthanc is told to until their records are gone.
CREATE TABLE study_deletions (
  orthanc_study_id TEXT PRIMARY KEY,
  reason TEXT NOT NULL
);
