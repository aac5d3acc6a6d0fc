-- v11: Conversations with people outside Wazo

CREATE TABLE outside (
	portal_id   INTEGER NOT NULL PRIMARY KEY REFERENCES portal (id) ON DELETE CASCADE,
	participant TEXT    NOT NULL,            -- the uuid of the member outside Wazo
	number      TEXT    NOT NULL,            -- the telephone number of that member, as Wazo has it
	own_number  TEXT    NOT NULL DEFAULT '', -- the own number that was last written to or chosen; empty: none
	own_since   BIGINT  NOT NULL DEFAULT 0   -- µs: when it was written to or chosen
);

-- Wazo rooms with somebody outside whose creation may have succeeded. It is not repeated for a while: a second room would be fatal.
CREATE TABLE outside_attempt (
	account_uuid TEXT   NOT NULL, -- the Wazo user who wanted the room
	number       TEXT   NOT NULL,
	attempted_at BIGINT NOT NULL, -- ms
	PRIMARY KEY (account_uuid, number)
);
