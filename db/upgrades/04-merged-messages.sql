-- v4: Let one event show several messages

ALTER TABLE queue ADD COLUMN merged_into INTEGER REFERENCES queue (id);
ALTER TABLE queue ADD COLUMN alone BOOLEAN NOT NULL DEFAULT false;
CREATE INDEX queue_merged ON queue (merged_into) WHERE merged_into IS NOT NULL;

-- SQLite cannot drop a constraint: an event may be that of several messages now.
ALTER TABLE message RENAME TO old_message;
DROP INDEX message_age;
CREATE TABLE message (
	portal_id  INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wazo_uuid  TEXT    NOT NULL,
	part       INTEGER NOT NULL,
	event_id   TEXT,
	author     TEXT    NOT NULL,
	created_at BIGINT  NOT NULL,
	relayed_at BIGINT  NOT NULL,
	PRIMARY KEY (portal_id, wazo_uuid, part)
);
INSERT INTO message (portal_id, wazo_uuid, part, event_id, author, created_at, relayed_at)
SELECT portal_id, wazo_uuid, part, event_id, author, created_at, relayed_at FROM old_message;
DROP TABLE old_message;
CREATE INDEX message_event ON message (portal_id, event_id);
CREATE INDEX message_age ON message (relayed_at);
