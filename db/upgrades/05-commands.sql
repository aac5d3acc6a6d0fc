-- v5: Remember which messages are commands

CREATE TABLE command (
	event_id TEXT   NOT NULL PRIMARY KEY,
	sender   TEXT   NOT NULL,
	replaces TEXT   NOT NULL, -- the event that the command is an edit of; empty: it is not an edit
	typed_at BIGINT NOT NULL  -- ms of the clock of the sender's homeserver
);
CREATE INDEX command_edit ON command (replaces) WHERE replaces <> '';
CREATE INDEX command_age ON command (typed_at);

CREATE TABLE wazo_command (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	wazo_uuid TEXT NOT NULL UNIQUE, -- of the message
	wazo_room TEXT NOT NULL,
	content   TEXT NOT NULL         -- as it was typed
);
