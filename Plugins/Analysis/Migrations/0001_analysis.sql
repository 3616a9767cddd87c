-- Analyses of studies, what was sent for them, and what people said of them.
CREATE TABLE analyses (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL,
  orthanc_study_id TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  provider TEXT NOT NULL,
  language TEXT NOT NULL,
  xray_type TEXT NOT NULL,
  status TEXT NOT NULL,
  error TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  completed_at TEXT,
  images TEXT NOT NULL,
  result TEXT NOT NULL,
  dispatch_id TEXT NOT NULL,
  sent_study_uid TEXT NOT NULL,
  reviewed_by TEXT NOT NULL,
  reviewed_at TEXT,
  review TEXT NOT NULL
);
CREATE INDEX analyses_by_study ON analyses (orthanc_study_id, requested_at);
CREATE INDEX analyses_by_sent_study ON analyses (sent_study_uid);
CREATE INDEX analyses_by_status ON analyses (status, requested_at);

-- What left the building, to where, why that was allowed, what came back and what it cost.
CREATE TABLE analysis_dispatches (
  id TEXT PRIMARY KEY,
  analysis_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  day TEXT NOT NULL,
  outcome TEXT NOT NULL,
  question_sha256 TEXT NOT NULL,
  tokens BIGINT NOT NULL,
  cost_micros BIGINT NOT NULL,
  document TEXT NOT NULL,
  answer TEXT NOT NULL
);
CREATE INDEX analysis_dispatches_by_question ON analysis_dispatches (provider, question_sha256, outcome);
CREATE INDEX analysis_dispatches_by_day ON analysis_dispatches (provider, day);
CREATE INDEX analysis_dispatches_by_analysis ON analysis_dispatches (analysis_id);

-- When a person first looked at a result: how long they looked is part of the review.
CREATE TABLE analysis_views (
  analysis_id TEXT NOT NULL,
  principal TEXT NOT NULL,
  first_viewed_at TEXT NOT NULL,
  PRIMARY KEY (analysis_id, principal)
);
