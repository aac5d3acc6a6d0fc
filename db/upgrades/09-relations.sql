-- v9: Remember what messages relate to

CREATE TABLE said_once (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	kind      TEXT    NOT NULL, -- see db.OnceKind
	name      TEXT    NOT NULL, -- the type of an event, the event that a thread begins with, or the one that was redacted
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
