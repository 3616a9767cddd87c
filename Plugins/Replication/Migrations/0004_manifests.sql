-- The checksum of what the last manifest says, without its version and its time: if it would say the same again, none
-- is written.
ALTER TABLE replica_manifests ADD COLUMN content TEXT NOT NULL DEFAULT '';
