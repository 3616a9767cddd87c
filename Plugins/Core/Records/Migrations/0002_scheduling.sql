-- Orders, appointments, and which study fulfils which order.

-- What series say of the request that they answer: identifiers, body parts, sides (JSON).
ALTER TABLE studies ADD COLUMN acquisition TEXT NOT NULL DEFAULT '{}';

CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL REFERENCES practices (id),
  patient_id TEXT NOT NULL,
  order_number TEXT NOT NULL UNIQUE,
  accession_number TEXT NOT NULL,
  accession_issuer TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  modality TEXT NOT NULL,
  visit_id TEXT NOT NULL,
  priority TEXT NOT NULL,
  scheduled_at TEXT,
  ordered_at TEXT NOT NULL,
  document TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
-- An accession number is unique for its issuer; one that names no issuer, within its practice.
CREATE UNIQUE INDEX orders_by_issued_accession ON orders (accession_issuer, accession_number)
  WHERE accession_issuer <> '';
CREATE UNIQUE INDEX orders_by_practice_accession ON orders (practice_id, accession_number)
  WHERE accession_issuer = '';
CREATE INDEX orders_by_accession ON orders (accession_number);
CREATE INDEX orders_by_patient ON orders (patient_id, ordered_at);
CREATE INDEX orders_by_state ON orders (state, ordered_at);
CREATE INDEX orders_by_visit ON orders (visit_id);
CREATE INDEX orders_by_time ON orders (ordered_at, id);

CREATE TABLE order_transitions (
  order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  notes TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (order_id, number)
);

-- state is 'linked', or 'unlinked' where a person said that the two do not belong together.
CREATE TABLE order_links (
  orthanc_study_id TEXT NOT NULL REFERENCES studies (orthanc_study_id) ON DELETE CASCADE,
  order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  state TEXT NOT NULL,
  linked_by TEXT NOT NULL,
  by_person INTEGER NOT NULL,
  evidence TEXT NOT NULL,
  linked_at TEXT NOT NULL,
  PRIMARY KEY (orthanc_study_id, order_id)
);
CREATE INDEX order_links_by_order ON order_links (order_id);

-- Studies whose order a person must choose.
CREATE TABLE order_reviews (
  orthanc_study_id TEXT PRIMARY KEY REFERENCES studies (orthanc_study_id) ON DELETE CASCADE,
  practice_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  candidates TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX order_reviews_by_practice ON order_reviews (practice_id, created_at);

CREATE TABLE appointments (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL REFERENCES practices (id),
  patient_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  scheduled_procedure_step_id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  start_at TEXT NOT NULL,
  station_ae_title TEXT NOT NULL,
  document TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX appointments_by_order ON appointments (order_id);
CREATE INDEX appointments_by_start ON appointments (start_at, id);
CREATE INDEX appointments_by_patient ON appointments (patient_id, start_at);

-- The last change of each order or of an appointment of it, also of a deleted one: what an index in memory follows.
CREATE TABLE order_changes (
  order_id TEXT PRIMARY KEY,
  serial BIGINT NOT NULL
);
CREATE UNIQUE INDEX order_changes_by_serial ON order_changes (serial);

-- Numbers that are given out once, by name and year ('accession:2026').
CREATE TABLE number_sequences (
  name TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);
