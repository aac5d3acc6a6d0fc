-- v9: Remember what messages relate to

CREATE TABLE shown_reaction (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	target    TEXT    NOT NULL,               -- the event that it is about
	emoji     TEXT    NOT NULL,               -- as it is shown; empty: it is the notice
	event_id  TEXT    NOT NULL DEFAULT '',    -- the reaction or the notice; empty: it may have been sent, and nobody knows yet
	sent_at   BIGINT  NOT NULL,               -- ms: when it was first sent
	says      TEXT    NOT NULL DEFAULT '',    -- of a notice: its text; empty: not known
	withdrawn BOOLEAN NOT NULL DEFAULT false, -- a person removed it, or the homeserver refused it: it is not sent again
	PRIMARY KEY (portal_id, target, emoji)
);
CREATE INDEX shown_reaction_event ON shown_reaction (portal_id, event_id);

CREATE TABLE shown_reply (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wazo_uuid TEXT    NOT NULL,
	PRIMARY KEY (portal_id, wazo_uuid)
);

CREATE TABLE said_once (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	kind      TEXT    NOT NULL, -- wordless or thread; see db.OnceKind
	name      TEXT    NOT NULL, -- the type of an event, or the event that a thread begins with
	PRIMARY KEY (portal_id, kind, name)
);

CREATE TABLE last_edit (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	event_id  TEXT    NOT NULL, -- the message that was edited
	edit_id   TEXT    NOT NULL, -- the event of the edit
	PRIMARY KEY (portal_id, event_id)
);

CREATE TABLE reaction (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	event_id  TEXT    NOT NULL, -- the event of the reaction
	target    TEXT    NOT NULL, -- the event that it is for
	emoji     TEXT    NOT NULL, -- as it is shown
	PRIMARY KEY (portal_id, event_id)
);
