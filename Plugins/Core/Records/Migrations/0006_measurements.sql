-- How long the steps took and how they ended: by minute, and after two days by hour. A class holds durations
-- that are alike (see Core/Tasks/Measurements.h), so that percentiles can be told from sums.
CREATE TABLE measurements (
  operation TEXT NOT NULL,
  period TEXT NOT NULL,
  at TEXT NOT NULL,
  outcome TEXT NOT NULL,
  duration_class INTEGER NOT NULL,
  times BIGINT NOT NULL,
  total_ms DOUBLE PRECISION NOT NULL,
  shortest_ms DOUBLE PRECISION NOT NULL,
  longest_ms DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (period, at, operation, outcome, duration_class)
);
