-- What was sent before such studies were kept apart is awaited, too.
INSERT INTO awaited_studies (study_instance_uid, task_kind)
  SELECT DISTINCT sent_study_uid, 'analysis-result' FROM analyses WHERE sent_study_uid <> '';
