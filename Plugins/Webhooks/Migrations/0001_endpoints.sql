-- To whom events are delivered, and what is still to be delivered.

-- form: 'crm' or 'standard'. events: JSON. A former secret signs, too, until its time has passed.
CREATE TABLE webhook_endpoints (
  id TEXT PRIMARY KEY,
  practice_id TEXT NOT NULL,
  url TEXT NOT NULL,
  form TEXT NOT NULL,
  events TEXT NOT NULL,
  description TEXT NOT NULL,
  secret TEXT NOT NULL,
  former_secret TEXT NOT NULL,
  former_secret_until TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  disabled_reason TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX webhook_endpoints_by_practice ON webhook_endpoints (practice_id);

-- What waits. Of one lane (a study) of an endpoint, one after the other, by serial. content: JSON, of the event's
-- identifiers and states. give_up_at is empty until the first attempt, and after it was given up.
CREATE TABLE webhook_messages (
  id TEXT PRIMARY KEY,
  endpoint_id TEXT NOT NULL,
  lane TEXT NOT NULL,
  serial BIGINT NOT NULL,
  event TEXT NOT NULL,
  content TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  give_up_at TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX webhook_messages_by_lane ON webhook_messages (endpoint_id, lane, serial);

-- What was tried: no bodies.
CREATE TABLE webhook_deliveries (
  serial BIGINT PRIMARY KEY,
  endpoint_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  lane TEXT NOT NULL,
  event TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  status INTEGER NOT NULL,
  latency_ms INTEGER NOT NULL,
  error TEXT NOT NULL,
  at TEXT NOT NULL
);
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, serial);
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (at);

-- New instances that wait for their study to be decided, before a CRM is told of them.
CREATE TABLE webhook_arrivals (
  sequence BIGINT NOT NULL,
  orthanc_instance_id TEXT NOT NULL,
  orthanc_study_id TEXT NOT NULL,
  received_at TEXT NOT NULL,
  read_at TEXT NOT NULL,
  PRIMARY KEY (orthanc_study_id, sequence, orthanc_instance_id)
);
