-- What comes in by people's hands: to whom and to which order it was filed, and dental X-rays.

-- What a person said of a study when they sent it; the study itself may not be there yet.
CREATE TABLE study_filings (
  orthanc_study_id TEXT PRIMARY KEY,
  patient_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  practice_id TEXT NOT NULL,
  filed_by TEXT NOT NULL,
  filed_at TEXT NOT NULL
);

-- id is the SOPInstanceUID of the image; of a volume, its SeriesInstanceUID.
CREATE TABLE xrays (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  clinic_id TEXT NOT NULL,
  orthanc_study_id TEXT NOT NULL,
  orthanc_instance_id TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  xray_type TEXT NOT NULL,
  taken_at TEXT NOT NULL,
  document TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX xrays_by_patient ON xrays (patient_id, taken_at);
CREATE INDEX xrays_by_study ON xrays (orthanc_study_id);
CREATE INDEX xrays_by_practice ON xrays (practice_id, taken_at);
