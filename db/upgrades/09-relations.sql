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
	kind      TEXT    NOT NULL, -- see db.OnceKind
	name      TEXT    NOT NULL, -- the type of an event, the event that a thread begins with, or one that was redacted
	at        BIGINT  NOT NULL, -- ms: when it was first said
	PRIMARY KEY (portal_id, kind, name)
);

CREATE TABLE last_edit (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	event_id  TEXT    NOT NULL, -- the message that was edited
	edit_id   TEXT    NOT NULL, -- the event of the edit
	PRIMARY KEY (portal_id, event_id)
);
CREATE INDEX last_edit_edit ON last_edit (portal_id, edit_id);

CREATE TABLE reaction (
	portal_id  INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	event_id   TEXT    NOT NULL, -- the event of the reaction
	target     TEXT    NOT NULL, -- the event that it is for
	emoji      TEXT    NOT NULL, -- as it is shown
	wazo_uuid  TEXT    NOT NULL DEFAULT '', -- the message on Wazo to which an account reacts for it; empty: it is only told in a line
	account_id INTEGER REFERENCES account (id), -- the account that reacts; NULL: it is only told in a line
	native     TEXT    NOT NULL DEFAULT '', -- the emoji with which the account reacts, see native_reaction; empty: it is only told in a line
	PRIMARY KEY (portal_id, event_id)
);

CREATE TABLE native_reaction (
	portal_id  INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wazo_uuid  TEXT    NOT NULL, -- the message
	account_id INTEGER NOT NULL REFERENCES account (id), -- that reacts
	user_uuid  TEXT    NOT NULL, -- whose account that was on Wazo then
	emoji      TEXT    NOT NULL, -- without variation selectors
	spelling   TEXT    NOT NULL, -- the emoji as it is sent
	state      TEXT    NOT NULL, -- adding, added or removing; see db.NativeState
	since      BIGINT  NOT NULL, -- ms: when it got this state
	PRIMARY KEY (portal_id, wazo_uuid, account_id, user_uuid, emoji)
);
CREATE INDEX native_reaction_owed ON native_reaction (portal_id) WHERE state <> 'added';

CREATE TABLE reply_mark (
	portal_id  INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wazo_uuid  TEXT    NOT NULL, -- the message that answers
	parent     TEXT    NOT NULL, -- the message that is answered
	account_id INTEGER NOT NULL REFERENCES account (id), -- that has posted it, and marks it
	since      BIGINT  NOT NULL, -- ms: when it was posted
	PRIMARY KEY (portal_id, wazo_uuid)
);
