-- v7: Let people use their own Wazo accounts

ALTER TABLE account ADD COLUMN state TEXT NOT NULL DEFAULT 'active';
ALTER TABLE account ADD COLUMN refresh_token BLOB;
ALTER TABLE account ADD COLUMN client_id TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
UPDATE account SET state = 'out' WHERE matrix_user IS NOT NULL; -- no version before this one let people log in
CREATE UNIQUE INDEX account_wazo_user ON account (user_uuid) WHERE matrix_user IS NOT NULL AND state <> 'out' AND user_uuid <> '';

CREATE TABLE identity (
	matrix_user TEXT   NOT NULL PRIMARY KEY,
	wazo_uuid   TEXT   NOT NULL UNIQUE, -- of the user on Wazo
	mapped_by   TEXT   NOT NULL,        -- the administrator on Matrix
	mapped_at   BIGINT NOT NULL         -- ms
);

CREATE TABLE login_dialogue (
	matrix_user TEXT   NOT NULL PRIMARY KEY,
	room        TEXT   NOT NULL, -- the direct chat
	ends_at     BIGINT NOT NULL  -- ms
);

CREATE TABLE told (
	matrix_user TEXT    NOT NULL,
	portal_id   INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	reason      TEXT    NOT NULL, -- see words.Instead
	PRIMARY KEY (matrix_user, portal_id, reason)
);
