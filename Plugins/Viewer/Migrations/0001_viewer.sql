-- Links that open studies in the viewer, and the browsers that have opened one. Only hashes of the secrets are kept.
CREATE TABLE viewer_links (
  id TEXT PRIMARY KEY,
  secret_sha256 TEXT NOT NULL UNIQUE,
  studies TEXT NOT NULL,
  measurements BIGINT NOT NULL,
  uses_left BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
);
CREATE INDEX viewer_links_by_expiry ON viewer_links (expires_at);

CREATE TABLE viewer_sessions (
  secret_sha256 TEXT NOT NULL,
  link_id TEXT NOT NULL,
  PRIMARY KEY (secret_sha256, link_id)
);
CREATE INDEX viewer_sessions_by_link ON viewer_sessions (link_id);
