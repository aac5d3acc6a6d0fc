-- v2: Let messages wait for late keys, serve files, show pictures

ALTER TABLE queue RENAME TO old_queue;
DROP INDEX queue_order;
CREATE TABLE queue (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	portal_id    INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	direction    TEXT    NOT NULL,            -- to_wazo or to_matrix
	kind         TEXT    NOT NULL,            -- message, or one of the relay's own: introduction, linked
	source       TEXT    NOT NULL,            -- Matrix event id or Wazo message uuid
	author       TEXT    NOT NULL,            -- Matrix user id or Wazo user uuid
	position     BIGINT  NOT NULL,            -- order: place in the timeline (to_wazo), created_at in µs (to_matrix)
	state        TEXT    NOT NULL,            -- new, attempted, waiting (for a key, passed over), parked
	session      TEXT    NOT NULL DEFAULT '', -- the Megolm session by which it is encrypted; empty: it can be read
	late         BOOLEAN NOT NULL DEFAULT false, -- it was passed over while its key was missing
	revision     INTEGER NOT NULL DEFAULT 0,  -- how often what it carries was replaced: decrypted or edited
	parts        INTEGER NOT NULL DEFAULT 0,  -- how many parts its request has; 0: there is no request yet
	part         INTEGER NOT NULL DEFAULT 0,  -- the part of the request that is delivered next
	attempts     INTEGER NOT NULL DEFAULT 0,
	attempted_at BIGINT  NOT NULL DEFAULT 0,  -- ms, our clock: when the last attempt was begun, or its outcome found unknown
	first_tried  BIGINT  NOT NULL DEFAULT 0,  -- ms, our clock: when the first attempt was begun
	accepted_at  BIGINT  NOT NULL,            -- ms, our clock
	error        TEXT    NOT NULL DEFAULT '', -- why it is parked, for people
	UNIQUE (portal_id, direction, source)
);
-- What a queue row carries.
CREATE TABLE payload (
	row_id  INTEGER PRIMARY KEY REFERENCES queue (id) ON DELETE CASCADE,
	content TEXT NOT NULL   -- what was accepted, JSON
);
-- What is sent for a queue row, part by part. Stored before the first part is sent, it never changes.
CREATE TABLE request (
	row_id  INTEGER NOT NULL REFERENCES queue (id) ON DELETE CASCADE,
	part    INTEGER NOT NULL,
	content TEXT    NOT NULL,   -- JSON
	PRIMARY KEY (row_id, part)
);

INSERT INTO queue (id, portal_id, direction, kind, source, author, position, state, part, attempts, attempted_at, first_tried, accepted_at, error)
SELECT id, portal_id, direction, kind, source, author, position, state, part, attempts, attempted_at, first_tried, accepted_at, error FROM old_queue;
INSERT INTO payload (row_id, content) SELECT id, payload FROM old_queue;
INSERT INTO request (row_id, part, content) SELECT id, 0, request FROM old_queue WHERE direction = 'to_wazo' AND request <> '';
INSERT INTO request (row_id, part, content)
SELECT old_queue.id, part.key, json_object('content', json(part.value)) FROM old_queue, json_each(old_queue.request, '$.parts') AS part
WHERE old_queue.direction = 'to_matrix' AND old_queue.request <> '';
UPDATE queue SET parts = (SELECT COUNT(*) FROM request WHERE row_id = queue.id);
-- Version 1 had rows wait for a key from the beginning; now they wait when they were passed over.
UPDATE queue SET state = 'new' WHERE state = 'waiting';
UPDATE queue SET session = COALESCE((
	SELECT CASE WHEN json_valid(content) AND json_extract(content, '$.type') = 'm.room.encrypted' THEN json_extract(content, '$.content.session_id') END
	FROM payload WHERE row_id = queue.id
), '') WHERE direction = 'to_wazo';
DROP TABLE old_queue;
CREATE INDEX queue_order ON queue (portal_id, direction, position, id);
CREATE INDEX queue_session ON queue (session) WHERE session <> '';

-- Megolm sessions whose keys the senders' clients decided not to share with the bot.
CREATE TABLE withheld (
	matrix_user TEXT   NOT NULL,   -- who said so: anybody could
	session     TEXT   NOT NULL,
	told_at     BIGINT NOT NULL,   -- ms, our clock
	PRIMARY KEY (matrix_user, session)
);
CREATE INDEX withheld_age ON withheld (told_at);

-- A file of a Matrix message that people on Wazo can fetch by a link. Whoever knows the link may read the file, so the
-- database holds only a hash of what is secret in it.
CREATE TABLE media (
	link       BLOB   NOT NULL PRIMARY KEY, -- SHA-256 of the key in the link
	room       TEXT   NOT NULL,             -- Matrix room
	event_id   TEXT   NOT NULL,             -- of the message; when that is redacted the row goes
	mxc        TEXT   NOT NULL,
	encrypted  BLOB,                        -- how to decrypt it: sealed JSON of an EncryptedFile; NULL: it is not encrypted
	name       TEXT   NOT NULL,             -- of the file, cleaned
	mime_type  TEXT   NOT NULL,             -- what the sender says, may be empty
	created_at BIGINT NOT NULL,             -- ms, our clock
	expires_at BIGINT NOT NULL              -- ms, our clock
);
CREATE INDEX media_event ON media (room, event_id);
CREATE INDEX media_age ON media (expires_at);

-- The pictures made for Wazo people, who have none, as uploaded for the one and for the other kind of room.
CREATE TABLE avatar (
	user_uuid TEXT    NOT NULL,   -- of Wazo
	letters   TEXT    NOT NULL,   -- that stand in it
	encrypted BOOLEAN NOT NULL,   -- for encrypted rooms
	file      BLOB    NOT NULL,   -- sealed: its mxc, or JSON of an EncryptedFile
	PRIMARY KEY (user_uuid, letters, encrypted)
);
