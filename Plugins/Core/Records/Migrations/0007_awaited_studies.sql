-- StudyInstanceUIDs that are pseudonyms of those who sent images out, with the task that takes in what comes back.
CREATE TABLE awaited_studies (
  study_instance_uid TEXT PRIMARY KEY,
  task_kind TEXT NOT NULL
);
