-- v0 -> v12: Latest schema

-- Times are integers, and 0 means that there is none yet. "ms" are milliseconds of the relay's clock, "µs" are microseconds of
-- chatd's clock. "Sealed" values are encrypted with a key that is derived from SECRET_KEY.

-- Named values that the relay remembers about itself. Secret ones are sealed.
CREATE TABLE setting (
	name  TEXT NOT NULL PRIMARY KEY, -- see the constants in db/setting.go
	value BLOB NOT NULL
);

-- A Wazo account that the relay uses: its own, or that of a person who has logged in. A row is never deleted, because requests in
-- the queue and portals refer to it. If a person logs in again, the row is used again.
CREATE TABLE account (
	id            INTEGER PRIMARY KEY,
	matrix_user   TEXT UNIQUE,                     -- the Matrix user whose account it is; NULL: it is the relay account
	username      TEXT   NOT NULL,                 -- the name for logging in
	user_uuid     TEXT   NOT NULL DEFAULT '',      -- the author of the messages from this account; empty before the first log-in
	tenant_uuid   TEXT   NOT NULL DEFAULT '',      -- empty before the first log-in
	token         BLOB,                            -- sealed: the access token of the relay account and when it expires; used again after a restart
	state         TEXT   NOT NULL DEFAULT 'active',-- active, refused (Wazo does not accept the refresh token), leaving (to be revoked) or out
	refresh_token BLOB,                            -- sealed: of a person's account; NULL: it is the relay account, or nobody is logged in
	client_id     TEXT   NOT NULL DEFAULT '',      -- under which Wazo lists the refresh token
	since         BIGINT NOT NULL DEFAULT 0,       -- ms: when the person logged in
	heard_until   BIGINT NOT NULL DEFAULT 0        -- µs: it is known in which rooms somebody wrote up to this time; 0: the account has not listened yet
);
CREATE UNIQUE INDEX account_wazo_user ON account (user_uuid) WHERE matrix_user IS NOT NULL AND state <> 'out' AND user_uuid <> '';

-- The people whom an administrator mapped to a user on Wazo without a log-in.
CREATE TABLE identity (
	matrix_user TEXT   NOT NULL PRIMARY KEY,
	wazo_uuid   TEXT   NOT NULL UNIQUE, -- of the user on Wazo
	mapped_by   TEXT   NOT NULL,        -- the administrator on Matrix
	mapped_at   BIGINT NOT NULL         -- ms
);

-- The direct chats in which the next messages of a person are a log-in to Wazo. What they say is not stored.
CREATE TABLE login_dialogue (
	matrix_user TEXT   NOT NULL PRIMARY KEY,
	room        TEXT   NOT NULL, -- the direct chat
	ends_at     BIGINT NOT NULL  -- ms
);

-- A portal links one Matrix room with one Wazo room. An id is never used again, because queue rows belong to one link. An opened
-- portal is a conversation for which the bot has made the Matrix room by itself.
CREATE TABLE portal (
	id                INTEGER PRIMARY KEY AUTOINCREMENT,
	matrix_room       TEXT    NOT NULL UNIQUE,
	wazo_room         TEXT    NOT NULL UNIQUE,
	title             TEXT    NOT NULL,               -- how people know the Wazo room
	reader_id         INTEGER NOT NULL REFERENCES account (id), -- the account that reads the Wazo room
	linked_by         TEXT    NOT NULL,               -- the Matrix user who gave the link command; empty: the portal was opened
	linked_at         BIGINT  NOT NULL,               -- ms
	public            BOOLEAN NOT NULL,               -- an admin accepted that strangers can read the Matrix room
	started_on_wazo   BIGINT  NOT NULL DEFAULT 0,     -- µs: created_at of the introduction; 0: it was not posted yet; of an opened portal: just before the first message that is shown
	started_on_matrix BOOLEAN NOT NULL DEFAULT false, -- the bot saw its own "Linked" notice, or the portal was opened: later events are relayed
	read_until        BIGINT  NOT NULL DEFAULT 0,     -- µs: the verified cursor, which only reading the history moves
	last_error        TEXT    NOT NULL DEFAULT '',    -- for people: the status command shows it
	kind              TEXT    NOT NULL DEFAULT 'linked', -- linked or opened
	direct            BOOLEAN NOT NULL DEFAULT false, -- of an opened portal: the Wazo room has two members
	history_until     BIGINT  NOT NULL DEFAULT 0,     -- µs: of an opened portal: messages up to this time are shown as history
	shown_title       TEXT    NOT NULL DEFAULT '',    -- of an opened portal: the name that the bot gave the Matrix room
	settled           BOOLEAN NOT NULL DEFAULT false, -- nothing that is older than read_until can appear on Wazo any more: the history was read again when that was certain
	changes           BIGINT  NOT NULL DEFAULT 1,     -- of an opened portal: counts the changes after which it is looked at
	followed          BIGINT  NOT NULL DEFAULT 0,     -- of an opened portal: how many of them there were when it was last looked at
	followed_room     TEXT    NOT NULL DEFAULT ''     -- of an opened portal: a hash of the name and the members that the Wazo room had then
);
CREATE INDEX portal_reader ON portal (reader_id);
CREATE INDEX portal_unfollowed ON portal (id) WHERE kind = 'opened' AND changes <> followed;

-- The rooms whose members may come into others, because the join rules of these name them, also by way of others.
CREATE TABLE named_room (
	room  TEXT NOT NULL,
	named TEXT NOT NULL,
	PRIMARY KEY (room, named)
);

-- The opened portals of rooms with somebody outside Wazo: conversations by text messages.
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

-- The text messages that were sent to people outside Wazo, until it is certain what became of them.
CREATE TABLE text_message (
	wazo_uuid  TEXT    NOT NULL PRIMARY KEY,
	portal_id  INTEGER REFERENCES portal (id) ON DELETE CASCADE, -- NULL: only its status is known yet
	event_id   TEXT    NOT NULL DEFAULT '', -- that was sent
	status     TEXT    NOT NULL,            -- as chatd calls it
	told       TEXT    NOT NULL DEFAULT '', -- the last status of which the sender was told in words
	created_at BIGINT  NOT NULL DEFAULT 0,  -- µs: on chatd's clock; 0: not known
	noted_at   BIGINT  NOT NULL             -- ms
);
CREATE INDEX text_message_portal ON text_message (portal_id, created_at);

-- The people of opened portals.
CREATE TABLE portal_member (
	portal_id   INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	matrix_user TEXT    NOT NULL,
	wazo_uuid   TEXT    NOT NULL, -- of the user on Wazo
	logged_in   BOOLEAN NOT NULL, -- the person had logged in when they were invited; otherwise an administrator had mapped them
	state       TEXT    NOT NULL, -- owed, invited, joined, left or refused; see db.MemberState
	PRIMARY KEY (portal_id, matrix_user)
);

-- The Wazo rooms without a portal for which the bot is to make a Matrix room.
CREATE TABLE opening (
	wazo_room    TEXT   NOT NULL PRIMARY KEY,
	from_time    BIGINT NOT NULL,           -- µs: created_at of the message that opens it; 0: somebody asked for it
	wanted_at    BIGINT NOT NULL,           -- ms
	attempted_at BIGINT NOT NULL DEFAULT 0, -- ms: when the Matrix room may have been made; 0: it was not
	error        TEXT   NOT NULL DEFAULT '' -- for people: why the Matrix room could not be made
);

-- The people who asked for a Wazo room by a command and are to be told when they are invited.
CREATE TABLE asked (
	wazo_room   TEXT NOT NULL,
	matrix_user TEXT NOT NULL,
	PRIMARY KEY (wazo_room, matrix_user)
);

-- The Wazo rooms whose opened portals have ended.
CREATE TABLE closed (
	wazo_room TEXT   NOT NULL PRIMARY KEY,
	until     BIGINT NOT NULL -- µs: a message up to this time does not open the conversation again
);

-- What people decided about the conversations that open by themselves.
CREATE TABLE person (
	matrix_user TEXT   NOT NULL PRIMARY KEY,
	auto        TEXT   NOT NULL DEFAULT 'on', -- on, off or direct; see db.Auto
	refused_at  BIGINT NOT NULL DEFAULT 0     -- ms: when the homeserver last refused to invite the person
);

-- The Wazo rooms to which people do not want to be invited again.
CREATE TABLE mute (
	matrix_user TEXT NOT NULL,
	wazo_room   TEXT NOT NULL,
	PRIMARY KEY (matrix_user, wazo_room)
);

-- The people who were told why their own accounts did not post what they said in a portal.
CREATE TABLE told (
	matrix_user TEXT    NOT NULL,
	portal_id   INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	reason      TEXT    NOT NULL, -- see words.Instead
	PRIMARY KEY (matrix_user, portal_id, reason)
);

-- The reasons why portals do not relay. A portal relays again in a direction when the last reason for this direction is gone.
CREATE TABLE pause (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	reason    TEXT    NOT NULL, -- see relay.Pause
	direction TEXT    NOT NULL, -- to_wazo, to_matrix or reading; empty: all of them
	PRIMARY KEY (portal_id, reason, direction)
);

-- The messages that wait to be delivered: two queues for each portal, one for each direction. Their contents are in the tables
-- payload and request, because SQLite always writes whole rows, and these rows change with each part that is delivered.
CREATE TABLE queue (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	portal_id    INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	direction    TEXT    NOT NULL,               -- to_wazo or to_matrix
	kind         TEXT    NOT NULL,               -- message; or from the relay itself: introduction or linked
	source_id    TEXT    NOT NULL,               -- the Matrix event id or the Wazo message UUID
	author       TEXT    NOT NULL,               -- the Matrix user id or the Wazo user UUID
	position     BIGINT  NOT NULL,               -- the order: place in the Matrix timeline (to_wazo), created_at in µs (to_matrix)
	state        TEXT    NOT NULL,               -- new, attempted, waiting (for a key) or parked; see db.State
	session      TEXT    NOT NULL DEFAULT '',    -- the Megolm session that encrypts the payload; empty: it can be read
	late         BOOLEAN NOT NULL DEFAULT false, -- the queue went on without it while its key was missing
	revision     INTEGER NOT NULL DEFAULT 0,     -- how often the payload was replaced, because it was decrypted or edited
	parts        INTEGER NOT NULL DEFAULT 0,     -- how many parts the request has; 0: there is no request yet
	part         INTEGER NOT NULL DEFAULT 0,     -- the part that is delivered next; the first one is 0
	attempts     INTEGER NOT NULL DEFAULT 0,     -- how often the delivery of this part was attempted
	attempted_at BIGINT  NOT NULL DEFAULT 0,     -- ms: when the last attempt began, or its outcome was found to be unknown
	accepted_at  BIGINT  NOT NULL,               -- ms
	error        TEXT    NOT NULL DEFAULT '',    -- for people: why it is parked
	merged_into  INTEGER REFERENCES queue (id),  -- the row whose request shows this message, too; NULL: the row is delivered by itself
	alone        BOOLEAN NOT NULL DEFAULT false, -- it is not merged (again), because a merged event could not be delivered
	UNIQUE (portal_id, direction, source_id)
);
CREATE INDEX queue_order ON queue (portal_id, direction, position, id);
CREATE INDEX queue_session ON queue (session) WHERE session <> '';
CREATE INDEX queue_merged ON queue (merged_into) WHERE merged_into IS NOT NULL;

-- The content of each queue row, as it was accepted.
CREATE TABLE payload (
	row_id  INTEGER PRIMARY KEY REFERENCES queue (id) ON DELETE CASCADE,
	content TEXT NOT NULL -- JSON
);

-- What is sent for a queue row, part by part. It is stored before the first part is sent, and it never changes.
CREATE TABLE request (
	row_id  INTEGER NOT NULL REFERENCES queue (id) ON DELETE CASCADE,
	part    INTEGER NOT NULL, -- the first one is 0
	content TEXT    NOT NULL, -- JSON
	PRIMARY KEY (row_id, part)
);

-- The messages that were delivered, in both directions: which Matrix event has the content of which Wazo message. A merged event
-- has the contents of several messages.
CREATE TABLE message (
	-- only: postgres (line commented)
--	rowid      BIGINT GENERATED BY DEFAULT AS IDENTITY,
	portal_id  INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wazo_uuid  TEXT    NOT NULL,
	part       INTEGER NOT NULL, -- a Wazo message may become several events; the first part is 0
	event_id   TEXT,             -- NULL: no event shows the message, because a person dropped it or it has nothing to show
	author     TEXT    NOT NULL, -- the Matrix user id or the Wazo user UUID
	created_at BIGINT  NOT NULL, -- µs: when chatd stored the Wazo message; 0: not known
	relayed_at BIGINT  NOT NULL, -- ms
	PRIMARY KEY (portal_id, wazo_uuid, part)
);
CREATE INDEX message_event ON message (portal_id, event_id);
CREATE INDEX message_age ON message (relayed_at);

-- What the bot shows of the reactions of people on Wazo: one reaction for each event and emoji, and a notice that says who reacted.
CREATE TABLE shown_reaction (
	-- only: postgres (line commented)
--	rowid     BIGINT GENERATED BY DEFAULT AS IDENTITY,
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

-- The messages of Wazo that are shown on Matrix as replies to other messages.
CREATE TABLE shown_reply (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wazo_uuid TEXT    NOT NULL,
	PRIMARY KEY (portal_id, wazo_uuid)
);

-- What is noted once in a portal, see db.OnceKind: a type without text was named, a thread was marked, a removal was told, or an event was
-- redacted before it was posted.
CREATE TABLE said_once (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	kind      TEXT    NOT NULL, -- see db.OnceKind
	name      TEXT    NOT NULL, -- the type of an event, the event that a thread begins with, or one that was redacted
	at        BIGINT  NOT NULL, -- ms: when it was first said
	PRIMARY KEY (portal_id, kind, name)
);

-- The last edits of Matrix messages that were delivered. The next edit shows what it changes in them.
CREATE TABLE last_edit (
	portal_id INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	event_id  TEXT    NOT NULL, -- the message that was edited
	edit_id   TEXT    NOT NULL, -- the event of the edit
	PRIMARY KEY (portal_id, event_id)
);
CREATE INDEX last_edit_edit ON last_edit (portal_id, edit_id);

-- The reactions on Matrix that were delivered. When one is removed, nobody else knows what it was.
CREATE TABLE reaction (
	-- only: postgres (line commented)
--	rowid      BIGINT GENERATED BY DEFAULT AS IDENTITY,
	portal_id  INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	event_id   TEXT    NOT NULL, -- the event of the reaction
	target     TEXT    NOT NULL, -- the event that it is for
	emoji      TEXT    NOT NULL, -- as it is shown
	wazo_uuid  TEXT    NOT NULL DEFAULT '', -- the message on Wazo to which an account reacts for it; empty: it is only told in a line
	account_id INTEGER REFERENCES account (id), -- the account that reacts; NULL: it is only told in a line
	native     TEXT    NOT NULL DEFAULT '', -- the emoji with which the account reacts, see native_reaction; empty: it is only told in a line
	PRIMARY KEY (portal_id, event_id)
);

-- The reactions on Wazo that accounts make for people on Matrix, by the plugin for reactions and replies. A row is stored before Wazo is
-- asked, so that the relay knows its own reactions when it hears of them.
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

-- The messages on Wazo that are still to be marked as replies, by the same plugin.
CREATE TABLE reply_mark (
	portal_id  INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wazo_uuid  TEXT    NOT NULL, -- the message that is the reply
	parent     TEXT    NOT NULL, -- the message that is replied to
	account_id INTEGER NOT NULL REFERENCES account (id), -- that has posted it, and marks it
	since      BIGINT  NOT NULL, -- ms: when it was posted
	PRIMARY KEY (portal_id, wazo_uuid)
);

-- Messages that the relay account posted on Wazo and that are missing in this database, because it was restored from an older
-- backup. The relay looks for them once after each start. A queue row with the same text was delivered by such a message.
CREATE TABLE orphan (
	portal_id  INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wazo_uuid  TEXT    NOT NULL,
	alias      TEXT    NOT NULL, -- the name of the author, as Wazo shows it
	content    TEXT    NOT NULL, -- without the quote at its end
	created_at BIGINT  NOT NULL, -- µs
	PRIMARY KEY (portal_id, wazo_uuid)
);

-- Parts of Matrix timelines that /sync left out and that the relay still has to read from /messages.
CREATE TABLE gap (
	id             INTEGER PRIMARY KEY AUTOINCREMENT,
	portal_id      INTEGER NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	room           TEXT    NOT NULL, -- the Matrix room; the portal may move to another one while the gap is open
	from_token     TEXT    NOT NULL, -- the gap is read backwards from this pagination token, which moves with each page
	to_token       TEXT    NOT NULL, -- the gap is read up to this pagination token
	first_position BIGINT  NOT NULL, -- the first of the queue positions that are reserved for the events in the gap
	next_position  BIGINT  NOT NULL  -- the queue position of the next event; counts down, because the gap is read backwards
);

-- Megolm sessions whose keys the senders' clients decided not to share with the bot.
CREATE TABLE withheld (
	matrix_user TEXT   NOT NULL, -- the user whose client said so; it need not be the user to whom the session belongs
	session     TEXT   NOT NULL,
	told_at     BIGINT NOT NULL, -- ms
	PRIMARY KEY (matrix_user, session)
);
CREATE INDEX withheld_age ON withheld (told_at);

-- The events that the bot still has to react to, for example invites and commands. They are stored together with the sync token
-- that covers them.
CREATE TABLE inbox (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	kind        TEXT   NOT NULL,        -- see db.InboxKind
	room        TEXT   NOT NULL,        -- the Matrix room
	event_id    TEXT   NOT NULL UNIQUE,
	payload     TEXT   NOT NULL,        -- the event, JSON
	accepted_at BIGINT NOT NULL         -- ms
);

-- The commands that people typed on Matrix. An edit of a command is not relayed, and an event that was edited into a command is
-- not relayed either.
CREATE TABLE command (
	event_id TEXT   NOT NULL PRIMARY KEY,
	sender   TEXT   NOT NULL,
	replaces TEXT   NOT NULL, -- the event that the command is an edit of; empty: it is not an edit
	typed_at BIGINT NOT NULL  -- ms of the clock of the sender's homeserver
);
CREATE INDEX command_edit ON command (replaces) WHERE replaces <> '';
CREATE INDEX command_age ON command (typed_at);

-- The commands that people typed on Wazo and that are not answered yet. A row is deleted before the answer is posted, so that
-- the answer is never posted twice.
CREATE TABLE wazo_command (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	wazo_uuid TEXT NOT NULL UNIQUE, -- of the message
	wazo_room TEXT NOT NULL,
	content   TEXT NOT NULL         -- as it was typed
);

-- The texts that the bot still has to send. Each is stored in the transaction of the change that it tells of.
CREATE TABLE notice (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	room        TEXT   NOT NULL,            -- the Matrix room; empty: the direct chat with matrix_user
	matrix_user TEXT   NOT NULL DEFAULT '',
	markdown    TEXT   NOT NULL,
	reply_to    TEXT   NOT NULL DEFAULT '', -- the id of the event to reply to; empty: the notice is not a reply
	created_at  BIGINT NOT NULL,            -- ms
	said_until  INTEGER NOT NULL DEFAULT 0  -- the id of the last notice in the event in which this one was sent; 0: it was not sent
);

-- The lists of Wazo rooms that were last shown to people. They say which room is meant by the number in "link 2".
CREATE TABLE listing (
	matrix_user TEXT    NOT NULL,
	number      INTEGER NOT NULL, -- the first one is 1
	wazo_room   TEXT    NOT NULL,
	PRIMARY KEY (matrix_user, number)
);

-- The direct chats of the bot with people.
CREATE TABLE direct_chat (
	matrix_user TEXT NOT NULL PRIMARY KEY,
	room        TEXT NOT NULL -- the Matrix room
);

-- Wazo rooms without a portal in which somebody wrote. The relay explains in each of them once how to link the room.
CREATE TABLE explanation (
	wazo_room TEXT    NOT NULL PRIMARY KEY,
	given     BOOLEAN NOT NULL -- set before the explanation is posted, so that it is never posted twice
);

-- Files of Matrix messages that people on Wazo can fetch by a link. Everybody who knows the link can read the file. Therefore
-- the database does not contain the secret part of the link, but only its hash.
CREATE TABLE media (
	link       BLOB   NOT NULL PRIMARY KEY, -- SHA-256 of the secret part of the link
	room       TEXT   NOT NULL,             -- the Matrix room
	event_id   TEXT   NOT NULL,             -- the event of the message; the row is deleted when this event is redacted
	mxc        TEXT   NOT NULL,             -- where the file is on Matrix
	encrypted  BLOB,                        -- sealed: JSON of an EncryptedFile, with the key; NULL: the file is not encrypted
	name       TEXT   NOT NULL,             -- the file name, cleaned
	mime_type  TEXT   NOT NULL,             -- according to the sender; may be empty
	created_at BIGINT NOT NULL,             -- ms
	expires_at BIGINT NOT NULL              -- ms
);
CREATE INDEX media_event ON media (room, event_id);
CREATE INDEX media_age ON media (expires_at);

-- The pictures that the relay made and uploaded for Wazo users, who have no pictures of their own.
CREATE TABLE avatar (
	user_uuid TEXT    NOT NULL, -- the Wazo user
	letters   TEXT    NOT NULL, -- the letters that the picture shows
	encrypted BOOLEAN NOT NULL, -- whether the upload is for encrypted rooms
	file      BLOB    NOT NULL, -- sealed: an mxc URI, or JSON of an EncryptedFile for encrypted rooms
	PRIMARY KEY (user_uuid, letters, encrypted)
);

-- only: postgres until "end only"
-- What SQLite has by itself, as far as the queries use it.
CREATE FUNCTION json_valid(content TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM content::json;
	RETURN true;
EXCEPTION WHEN data_exception THEN
	RETURN false;
END $$;
-- The field at a path like $.content."m.relates_to".event_id; NULL: there is none, or the content is no JSON.
CREATE FUNCTION json_extract(content TEXT, path TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN content::json #>> ARRAY(SELECT COALESCE(key[1], key[2]) FROM regexp_matches(substr(path, 3), '"([^"]*)"|([^."]+)', 'g') AS key);
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END $$;
CREATE FUNCTION instr(text TEXT, part TEXT) RETURNS BIGINT LANGUAGE sql IMMUTABLE AS $$ SELECT strpos(text, part)::BIGINT $$;
-- end only postgres
