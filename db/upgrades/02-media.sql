-- v2 (compatible with v1+): Serve the files of Matrix messages, make pictures of Wazo people

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
