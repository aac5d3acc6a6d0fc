-- v12: Follow text messages until they are delivered

CREATE TABLE text_message (
	wazo_uuid  TEXT    NOT NULL PRIMARY KEY,
	portal_id  INTEGER REFERENCES portal (id) ON DELETE CASCADE, -- NULL: only its status is known yet
	event_id   TEXT    NOT NULL DEFAULT '', -- that was sent
	status     TEXT    NOT NULL,            -- as chatd calls it
	told       TEXT    NOT NULL DEFAULT '', -- the last status of which the sender was told in words
	created_at BIGINT  NOT NULL DEFAULT 0,  -- µs: on chatd's clock; 0: not known
	noted_at   BIGINT  NOT NULL             -- ms
);
CREATE INDEX text_message_portal ON text_message (portal_id, created_at);
