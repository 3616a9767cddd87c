-- Of which X-ray an analysis is, if not of the whole study; and as what it failed.
ALTER TABLE analyses ADD COLUMN xray_id TEXT NOT NULL DEFAULT '';
ALTER TABLE analyses ADD COLUMN failure TEXT NOT NULL DEFAULT '';
