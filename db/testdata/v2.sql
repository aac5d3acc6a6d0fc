-- v0 -> v2: Latest schema

-- What the relay remembers about itself. Values that are secrets are sealed with SECRET_KEY.
CREATE TABLE setting (
	name  TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
);

-- A Wazo account that the relay holds a token for.
CREATE TABLE account (
	id          INTEGER PRIMARY KEY,
	matrix_user TEXT UNIQUE,               -- the Matrix user a login belongs to; NULL: the relay account
	username    TEXT NOT NULL,             -- log-in name on Wazo
	user_uuid   TEXT NOT NULL DEFAULT '',  -- author of this account's messages; empty before the first log-in
	tenant_uuid TEXT NOT NULL DEFAULT '',
	token       BLOB                       -- sealed access token with its expiry, reused over restarts
);

-- One Matrix room tied to one Wazo room. Ids are never reused: queue rows belong to one link.
CREATE TABLE portal (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	matrix_room  TEXT    NOT NULL UNIQUE,
	wazo_room    TEXT    NOT NULL UNIQUE,
	title        TEXT    NOT NULL,            -- how people know the Wazo room
	reader_id    INTEGER NOT NULL REFERENCES account (id),
	linked_by    TEXT    NOT NULL,            -- Matrix user
	linked_at    BIGINT  NOT NULL,            -- ms, our clock
	public       BOOLEAN NOT NULL,            -- an admin accepted that the Matrix room is open to strangers
	boundary     BIGINT  NOT NULL DEFAULT 0,  -- µs, chatd's clock: created_at of our introduction; 0: not posted yet
	announced    BOOLEAN NOT NULL DEFAULT false, -- our "Linked" notice was seen in the room: what follows is relayed
	read_until   BIGINT  NOT NULL DEFAULT 0,  -- µs, chatd's clock: the verified cursor, moved by catch-up only
	last_error   TEXT    NOT NULL DEFAULT ''  -- for people, shown by the status command
);

-- Why a portal does not relay, in one direction or both. It relays again when the last reason is gone.
CREATE TABLE pause (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	reason    TEXT    NOT NULL,   -- see relay.Pause
	direction TEXT    NOT NULL,   -- to_wazo, to_matrix or reading; empty: all
	PRIMARY KEY (portal_id, reason, direction)
);

-- What waits to be delivered, one queue per portal and direction. What a row carries is in tables of its own: SQLite writes
-- a row as a whole, and the state of this one changes with each part that is delivered.
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
CREATE INDEX queue_order ON queue (portal_id, direction, position, id);
CREATE INDEX queue_session ON queue (session) WHERE session <> '';

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

-- Which Matrix event shows which Wazo message, in both directions.
CREATE TABLE message (
	portal_id  INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wazo_uuid  TEXT    NOT NULL,
	part       INTEGER NOT NULL,   -- a Wazo message may become several events
	event_id   TEXT,               -- NULL: seen, and shown nowhere (dropped by a person, or nothing to show)
	author     TEXT    NOT NULL,   -- Matrix user id or Wazo user uuid
	created_at BIGINT  NOT NULL,   -- µs, chatd's clock
	relayed_at BIGINT  NOT NULL,   -- ms, our clock
	PRIMARY KEY (portal_id, wazo_uuid, part),
	UNIQUE (portal_id, event_id)
);
CREATE INDEX message_age ON message (relayed_at);

-- What the relay account wrote on Wazo and this database does not know of, found at the first look after a start: an older
-- database was brought back. Rows with the same text are taken as delivered by them.
CREATE TABLE orphan (
	portal_id  INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wazo_uuid  TEXT    NOT NULL,
	alias      TEXT    NOT NULL,
	content    TEXT    NOT NULL,
	created_at BIGINT  NOT NULL,   -- µs, chatd's clock
	PRIMARY KEY (portal_id, wazo_uuid)
);

-- A stretch of a Matrix timeline that /sync left out and /messages has yet to bring.
CREATE TABLE gap (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	portal_id  INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	room       TEXT    NOT NULL,   -- Matrix room: a portal may move to another one meanwhile
	from_token TEXT    NOT NULL,   -- read backwards from here; moves with each page
	to_token   TEXT    NOT NULL,   -- to here
	first      BIGINT  NOT NULL,   -- queue positions reserved for what is found: first..last
	last       BIGINT  NOT NULL    -- the position for the next event found; counts down
);

-- Megolm sessions whose keys the senders' clients decided not to share with the bot.
CREATE TABLE withheld (
	matrix_user TEXT   NOT NULL,   -- who said so: anybody could
	session     TEXT   NOT NULL,
	told_at     BIGINT NOT NULL,   -- ms, our clock
	PRIMARY KEY (matrix_user, session)
);
CREATE INDEX withheld_age ON withheld (told_at);

-- What the bot itself has to answer: invites and commands, stored with the sync token that covers them.
CREATE TABLE inbox (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	kind        TEXT   NOT NULL,          -- see db.InboxKind
	room        TEXT   NOT NULL,
	event_id    TEXT   NOT NULL UNIQUE,
	payload     TEXT   NOT NULL,          -- the event, JSON
	accepted_at BIGINT NOT NULL           -- ms, our clock
);

-- What the bot has yet to say to people, stored with the change that it tells of.
CREATE TABLE notice (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	room        TEXT   NOT NULL,            -- Matrix room; empty: the direct chat with matrix_user
	matrix_user TEXT   NOT NULL DEFAULT '',
	markdown    TEXT   NOT NULL,
	reply_to    TEXT   NOT NULL DEFAULT '', -- event id
	created_at  BIGINT NOT NULL             -- ms, our clock
);

-- The list of Wazo rooms last shown to a person: what a number in "link 2" means.
CREATE TABLE listing (
	matrix_user TEXT    NOT NULL,
	number      INTEGER NOT NULL,
	wazo_room   TEXT    NOT NULL,
	PRIMARY KEY (matrix_user, number)
);

-- Direct chats of the bot.
CREATE TABLE direct_chat (
	matrix_user TEXT NOT NULL PRIMARY KEY,
	room        TEXT NOT NULL
);

-- Wazo rooms without portal whose people wrote to an account and are told once what to do.
CREATE TABLE explanation (
	wazo_room TEXT    NOT NULL PRIMARY KEY,
	given     BOOLEAN NOT NULL
);

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
