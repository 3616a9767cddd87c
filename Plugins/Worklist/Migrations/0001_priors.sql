-- The studies that were asked for from other servers before an appointment: never twice.
CREATE TABLE prior_fetches (
  study_instance_uid TEXT NOT NULL,
  server TEXT NOT NULL,
  appointment_id TEXT NOT NULL,
  fetched_at TEXT NOT NULL,
  PRIMARY KEY (study_instance_uid, server)
);
