-- The last of the records of the audit trail that were forgotten: the chain begins with its hash.
CREATE TABLE audit_anchor (
  serial BIGINT PRIMARY KEY,
  hash TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);
