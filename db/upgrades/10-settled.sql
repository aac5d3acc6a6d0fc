-- v10: Remember what needs no look after a start

ALTER TABLE portal ADD COLUMN settled BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE portal ADD COLUMN changes BIGINT NOT NULL DEFAULT 1;
ALTER TABLE portal ADD COLUMN followed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE portal ADD COLUMN followed_room TEXT NOT NULL DEFAULT '';
CREATE INDEX portal_reader ON portal (reader_id);
CREATE INDEX portal_unfollowed ON portal (id) WHERE kind = 'opened' AND changes <> followed;

CREATE TABLE named_room (
	room  TEXT NOT NULL,
	named TEXT NOT NULL,
	PRIMARY KEY (room, named)
);
