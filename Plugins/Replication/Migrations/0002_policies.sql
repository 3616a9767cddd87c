-- Orthanc's own checksum of what was sent: an instance that did not change is not read again.
ALTER TABLE replicas ADD COLUMN md5 TEXT NOT NULL DEFAULT '';
-- What the upload in parts is of is known before it was read.
ALTER TABLE replica_uploads RENAME COLUMN sha256 TO content;
-- What the configuration last declared of each target: a change of it is audited.
CREATE TABLE replica_declarations (
  target TEXT PRIMARY KEY,
  declaration TEXT NOT NULL
);
