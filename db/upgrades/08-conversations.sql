-- v8: Open conversations by themselves

ALTER TABLE account ADD COLUMN heard_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE portal ADD COLUMN kind TEXT NOT NULL DEFAULT 'linked';
ALTER TABLE portal ADD COLUMN direct BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE portal ADD COLUMN history_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE portal ADD COLUMN shown_title TEXT NOT NULL DEFAULT '';

CREATE TABLE portal_member (
	portal_id   INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	matrix_user TEXT    NOT NULL,
	wazo_uuid   TEXT    NOT NULL, -- of the user on Wazo
	logged_in   BOOLEAN NOT NULL, -- the person had logged in when they were invited; otherwise an administrator had mapped them
	state       TEXT    NOT NULL, -- owed, invited, joined, left or refused; see db.MemberState
	PRIMARY KEY (portal_id, matrix_user)
);

CREATE TABLE opening (
	wazo_room    TEXT   NOT NULL PRIMARY KEY,
	from_time    BIGINT NOT NULL,           -- µs: created_at of the message that opens it; 0: somebody asked for it
	wanted_at    BIGINT NOT NULL,           -- ms
	attempted_at BIGINT NOT NULL DEFAULT 0, -- ms: when the Matrix room may have been made; 0: it was not
	error        TEXT   NOT NULL DEFAULT '' -- for people: why the Matrix room could not be made
);

CREATE TABLE asked (
	wazo_room   TEXT NOT NULL,
	matrix_user TEXT NOT NULL,
	PRIMARY KEY (wazo_room, matrix_user)
);

CREATE TABLE closed (
	wazo_room TEXT   NOT NULL PRIMARY KEY,
	until     BIGINT NOT NULL -- µs: a message up to this time does not open the conversation again
);

CREATE TABLE person (
	matrix_user TEXT   NOT NULL PRIMARY KEY,
	auto        TEXT   NOT NULL DEFAULT 'on', -- on, off or direct; see db.Auto
	refused_at  BIGINT NOT NULL DEFAULT 0     -- ms: when the homeserver last refused to invite the person
);

CREATE TABLE mute (
	matrix_user TEXT NOT NULL,
	wazo_room   TEXT NOT NULL,
	PRIMARY KEY (matrix_user, wazo_room)
);
