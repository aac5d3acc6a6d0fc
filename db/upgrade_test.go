package db

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

var (
	//go:embed testdata/v1.sql
	schemaV1 string
	//go:embed testdata/v2.sql
	schemaV2 string
	//go:embed testdata/v2-rows.sql
	rowsV2 string
	//go:embed testdata/v3.sql
	schemaV3 string
	//go:embed testdata/v3-rows.sql
	rowsV3 string
)

// What older versions left: a schema, and rows in its tables.
var (
	installationV1  = []string{schemaV1, rowsV1}
	installationV2  = []string{schemaV2, rowsV2}
	installationV3  = []string{schemaV3, rowsV3}
	installationV5  = append([]string{schemaV2, rowsV2}, append(upgradeScripts("03", "04", "05"), rowsV5)...)
	installationV7  = append(slices.Clone(installationV5), append(upgradeScripts("06", "07"), rowsV7)...)
	installationV8  = append(slices.Clone(installationV7), append(upgradeScripts("08"), rowsV8)...)
	installationV9  = append(slices.Clone(installationV8), append(upgradeScripts("09"), rowsV9)...)
	installationV10 = append(slices.Clone(installationV9), append(upgradeScripts("10"), rowsV10)...)
	installationV11 = append(slices.Clone(installationV10), append(upgradeScripts("11"), rowsV11)...)
	installationV12 = append(slices.Clone(installationV11), append(upgradeScripts("12"), rowsV12)...)
)

// upgradeScripts returns the scripts of the upgrades with these numbers: a later version is an older one after its
// upgrades.
func upgradeScripts(numbers ...string) (scripts []string) {
	for _, number := range numbers {
		names, err := fs.Glob(upgradeFiles, "upgrades/"+number+"-*.sql")
		if err != nil || len(names) != 1 {
			panic(fmt.Sprintf("%d upgrades with the number %s, %v", len(names), number, err))
		}
		script, err := fs.ReadFile(upgradeFiles, names[0])
		if err != nil {
			panic(err)
		}
		scripts = append(scripts, string(script))
	}
	return scripts
}

// Rows in the tables that version 5 added.
const rowsV5 = `
	UPDATE version SET version = 5, compat = 5;
	INSERT INTO command (event_id, sender, replaces, typed_at) VALUES ('$command', '@robin:a.example', '$edited', 1700000000091);
	INSERT INTO wazo_command (wazo_uuid, wazo_room, content) VALUES ('uuid-command', 'wazo-support', '!wazo help');
`

// Rows in the tables that version 7 added.
const rowsV7 = `
	UPDATE version SET version = 7, compat = 7;
	INSERT INTO identity (matrix_user, wazo_uuid, mapped_by, mapped_at) VALUES ('@sam:a.example', 'uuid-sam', '@robin:a.example', 1700000000101);
	INSERT INTO login_dialogue (matrix_user, room, ends_at) VALUES ('@sam:a.example', '!direct:a.example', 1700000000102);
	INSERT INTO told (matrix_user, portal_id, reason) SELECT '@sam:a.example', MIN(id), 'not_member' FROM portal;
`

// Rows in the tables that version 8 added.
const rowsV8 = `
	UPDATE version SET version = 8, compat = 8;
	INSERT INTO portal_member (portal_id, matrix_user, wazo_uuid, logged_in, state) SELECT MIN(id), '@sam:a.example', 'uuid-sam', true, 'invited' FROM portal;
	INSERT INTO opening (wazo_room, from_time, wanted_at) VALUES ('wazo-opening', 1700000000000111, 1700000000111);
	INSERT INTO asked (wazo_room, matrix_user) VALUES ('wazo-opening', '@sam:a.example');
	INSERT INTO closed (wazo_room, until) VALUES ('wazo-closed', 1700000000000112);
	INSERT INTO person (matrix_user, auto) VALUES ('@sam:a.example', 'direct');
	INSERT INTO mute (matrix_user, wazo_room) VALUES ('@sam:a.example', 'wazo-support');
`

// Rows in the tables that version 9 added.
const rowsV9 = `
	UPDATE version SET version = 9, compat = 9;
	INSERT INTO shown_reaction (portal_id, target, emoji, event_id, sent_at) SELECT MIN(id), '$message', '👍', '$shown', 1 FROM portal;
	INSERT INTO shown_reply (portal_id, wazo_uuid) SELECT MIN(id), 'answer' FROM portal;
	INSERT INTO said_once (portal_id, kind, name, at) SELECT MIN(id), 'wordless', 'org.example.custom', 1700000000123 FROM portal;
	INSERT INTO last_edit (portal_id, event_id, edit_id) SELECT MIN(id), '$message', '$edit' FROM portal;
	INSERT INTO reaction (portal_id, event_id, target, emoji) SELECT MIN(id), '$reaction', '$message', '👍' FROM portal;
	INSERT INTO native_reaction (portal_id, wazo_uuid, account_id, user_uuid, emoji, spelling, state, since) SELECT MIN(id), 'uuid-answered', MIN(reader_id), 'uuid-relay', '👍', '👍', 'adding', 1700000000121 FROM portal;
	INSERT INTO reply_mark (portal_id, wazo_uuid, parent, account_id, since) SELECT MIN(id), 'uuid-answer', 'uuid-answered', MIN(reader_id), 1700000000122 FROM portal;
`

// Rows in the table that version 10 added.
const rowsV10 = `
	UPDATE version SET version = 10, compat = 10;
	INSERT INTO named_room (room, named) VALUES ('!support:a.example', '!space:a.example');
`

// Rows in the tables that version 11 added.
const rowsV11 = `
	UPDATE version SET version = 11, compat = 11;
	INSERT INTO outside (portal_id, participant, number) SELECT MIN(id), 'uuid-outside', '+15145550111' FROM portal;
	INSERT INTO outside_attempt (account_uuid, number, attempted_at) VALUES ('uuid-sam', '+15145550112', 1700000000132);
`

// Rows in the tables that version 12 added.
const rowsV12 = `
	UPDATE version SET version = 12, compat = 12;
	INSERT INTO text_message (wazo_uuid, portal_id, event_id, status, noted_at) SELECT 'uuid-text', MIN(id), '$text', 'accepted', 1700000000131 FROM portal;
`

// upgrade makes a database by the SQL scripts of an installation and opens it, which upgrades it.
func upgrade(t *testing.T, installation ...string) *Database {
	t.Helper()
	path := filepath.Join(t.TempDir(), "relay.db")
	install(t, path, installation...)
	return openAt(t, path, "key")
}

// A database of version 1 with one row of each kind in its queues.
const rowsV1 = `
	CREATE TABLE version (version INTEGER, compat INTEGER);
	INSERT INTO version VALUES (1, 1);
	CREATE TABLE database_owner (key INTEGER PRIMARY KEY DEFAULT 0, owner TEXT NOT NULL);
	INSERT INTO database_owner VALUES (0, 'wazo-matrix-relay');
	INSERT INTO account (id, username) VALUES (1, 'relay');
	INSERT INTO portal (id, matrix_room, wazo_room, title, reader_id, linked_by, linked_at, public) VALUES (1, '!a', 'w', 'Support', 1, '@robin:a', 1, 0);
	INSERT INTO queue (id, portal_id, direction, kind, source, author, position, payload, state, request, part, attempts, accepted_at) VALUES
		(1, 1, 'to_wazo', 'message', '$new', '@robin:a', 1, '{"content":{"body":"new"}}', 'new', '', 0, 0, 5),
		(2, 1, 'to_wazo', 'message', '$tried', '@robin:a', 2, '{"content":{"body":"tried"}}', 'attempted', '{"content":"tried"}', 0, 2, 6),
		(3, 1, 'to_wazo', 'message', '$encrypted', '@robin:a', 3, '{"type":"m.room.encrypted","content":{"session_id":"abc"}}', 'waiting', '', 0, 0, 7),
		(5, 1, 'to_wazo', 'message', '$parked', '@robin:a', 5, '{"type":"m.room.encrypted","content":{"session_id":"def"}}', 'parked', '', 0, 0, 7),
		(6, 1, 'to_wazo', 'message', '$broken', '@robin:a', 6, '{"type":', 'parked', '', 0, 0, 7),
		(4, 1, 'to_matrix', 'message', 'uuid', 'alice', 4, '{"content":"long"}', 'attempted', '{"parts":[{"body":"one"},{"body":"two"}]}', 1, 1, 8);
`

func TestDatabaseOfVersion1IsUpgraded(t *testing.T) {
	t.Parallel()
	db := upgrade(t, installationV1...)
	require.Equal(t, schemaOf(t, openNewFile(t)), schemaOf(t, db), "it has the schema of a new one")
	portal, err := db.Portal.ByID(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "Support", portal.Title)
	for source, want := range map[string]Row{
		"$new":       {ID: 1, Position: 1, State: StateNew, Payload: `{"content":{"body":"new"}}`, AcceptedAt: ms(5)},
		"$tried":     {ID: 2, Position: 2, State: StateAttempted, Payload: `{"content":{"body":"tried"}}`, Parts: 1, Attempts: 2, AcceptedAt: ms(6)},
		"$encrypted": {ID: 3, Position: 3, State: StateNew, Payload: `{"type":"m.room.encrypted","content":{"session_id":"abc"}}`, Session: "abc", AcceptedAt: ms(7)},
		"$parked":    {ID: 5, Position: 5, State: StateParked, Payload: `{"type":"m.room.encrypted","content":{"session_id":"def"}}`, Session: "def", AcceptedAt: ms(7)},
		"$broken":    {ID: 6, Position: 6, State: StateParked, Payload: `{"type":`, AcceptedAt: ms(7)},
	} {
		row, err := db.Queue.BySource(t.Context(), 1, ToWazo, source)
		require.NoError(t, err)
		want.PortalID, want.Direction, want.Kind, want.SourceID, want.Author = 1, ToWazo, KindMessage, source, "@robin:a"
		require.Equal(t, &want, row)
	}
	request, err := db.Queue.Request(t.Context(), 2, 0)
	require.NoError(t, err)
	require.Equal(t, `{"content":"tried"}`, request)
	row, err := db.Queue.BySource(t.Context(), 1, ToMatrix, "uuid")
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, []int{row.Parts, row.Part})
	for part, body := range []string{"one", "two"} {
		request, err = db.Queue.Request(t.Context(), row.ID, part)
		require.NoError(t, err)
		var sent struct{ Content struct{ Body string } }
		require.NoError(t, json.Unmarshal([]byte(request), &sent))
		require.Equal(t, body, sent.Content.Body)
	}
}

// installed is a database with a row in every table after its upgrade. The rows of testdata/v2-rows.sql and
// testdata/v3-rows.sql mean the same.
type installed struct{ *Database }

func TestDatabaseOfVersion2IsUpgraded(t *testing.T) {
	t.Parallel()
	testInstalled(t, installationV2)
}

func TestDatabaseOfVersion3IsUpgraded(t *testing.T) {
	t.Parallel()
	testInstalled(t, installationV3)
}

func testInstalled(t *testing.T, installation []string) {
	db := installed{upgrade(t, installation...)}
	require.Equal(t, schemaOf(t, openNewFile(t)), schemaOf(t, db.Database), "it has the schema of a new one")
	// They run one after the other: the last of them adds rows.
	t.Run("settings", db.testSettings)
	t.Run("accounts", db.testAccounts)
	t.Run("portals and pauses", db.testPortals)
	t.Run("queues", db.testQueues)
	t.Run("messages and orphans", db.testMessages)
	t.Run("gaps", db.testGaps)
	t.Run("withheld keys", db.testWithheld)
	t.Run("inbox and notices", db.testInbox)
	t.Run("listings, direct chats and explanations", db.testPeople)
	t.Run("files and avatars", db.testFiles)
	t.Run("ids that were used are not used again", db.testIDs)
}

func TestDatabaseOfVersion5IsOpened(t *testing.T) {
	t.Parallel()
	db := upgrade(t, installationV5...)
	require.Equal(t, schemaOf(t, openNewFile(t)), schemaOf(t, db), "it has the schema of a new one")
	command, err := db.Command.Get(t.Context(), "$command")
	require.NoError(t, err)
	require.Equal(t, &Command{"$command", "@robin:a.example", "$edited", ms(1700000000091)}, command)
	pending, err := db.WazoCommand.Pending(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*WazoCommand{{"uuid-command", "wazo-support", "!wazo help"}}, pending)
}

func (db installed) testSettings(t *testing.T) {
	for name, want := range map[string]string{
		SettingNextBatch: "s1_2_3", SettingMatrixUser: "@relay:a.example", SettingDevice: "DEVICE", SettingMasterKey: "master",
		SettingGeneration: "42", "matrix_mark": "", // renamed
	} {
		value, err := db.Setting.Get(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, value, name)
	}
	for name, want := range map[string]string{SettingMatrixToken: "syt_token", SettingRecoveryKey: "EsTc recovery key", keyCheck: keyCheck} {
		value, err := db.Setting.GetSecret(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, value, name)
	}
	require.Equal(t, 8, db.count(t, "setting"))
}

func (db installed) testAccounts(t *testing.T) {
	account, err := db.Account.Relay(t.Context(), "relay")
	require.NoError(t, err)
	require.Equal(t, &Account{ID: 1, Username: "relay", UserUUID: "relay-uuid", TenantUUID: "tenant-uuid", State: AccountActive}, account)
	token, err := db.Account.Token(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, `{"token":"wazo-token","expires_at":"2026-01-02T03:04:05Z"}`, token)

	account, err = db.Account.QueryOne(t.Context(), `SELECT `+accountColumns+` FROM account WHERE id = 2`)
	require.NoError(t, err)
	require.Equal(t, &Account{ID: 2, MatrixUser: "@robin:a.example", Username: "robin", State: AccountOut}, account)
	token, err = db.Account.Token(t.Context(), 2)
	require.NoError(t, err)
	require.Empty(t, token)
	require.Equal(t, 2, db.count(t, "account"))
}

func (db installed) testPortals(t *testing.T) {
	portals, err := db.Portal.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*Portal{
		{
			ID: 3, MatrixRoom: "!support:a.example", WazoRoom: "wazo-support", Title: "Support", ReaderID: 1, LinkedBy: "@robin:a.example",
			LinkedAt: ms(1700000000001), Public: true, StartedOnWazo: us(1700000000000002), StartedOnMatrix: true,
			ReadUntil: us(1700000000000003), LastError: "oops", Kind: PortalLinked, Changes: 1,
		},
		{
			ID: 4, MatrixRoom: "!sales:a.example", WazoRoom: "wazo-sales", Title: "Sales", ReaderID: 1, LinkedBy: "@sam:a.example",
			LinkedAt: ms(1700000000004), Kind: PortalLinked, Changes: 1,
		},
	}, portals)
	pauses, err := db.Pause.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*Pause{{3, "permission", ToWazo}, {3, "removed", ToMatrix}, {4, "login", Reading}, {4, "opened", ""}}, pauses)
}

func (db installed) testQueues(t *testing.T) {
	toWazo := Row{PortalID: 3, Direction: ToWazo, Kind: KindMessage, Author: "@robin:a.example"}
	toMatrix := Row{PortalID: 3, Direction: ToMatrix, Kind: KindMessage, Author: "alice-uuid"}
	check := func(want Row, requests ...string) {
		t.Helper()
		want.Payload, want.AcceptedAt, want.Parts = fmt.Sprintf(`{"payload":%d}`, want.ID), ms(1700000000000+want.ID), len(requests)
		row, err := db.Queue.ByID(t.Context(), want.ID)
		require.NoError(t, err)
		require.Equal(t, &want, row)
		row, err = db.Queue.BySource(t.Context(), want.PortalID, want.Direction, want.SourceID)
		require.NoError(t, err)
		require.Equal(t, &want, row)
		for part, content := range requests {
			stored, err := db.Queue.Request(t.Context(), want.ID, part)
			require.NoError(t, err)
			require.Equal(t, content, stored)
		}
	}

	row := toWazo
	row.ID, row.SourceID, row.Position, row.State, row.Session = 11, "$new", 1, StateNew, "megolm-1"
	check(row)
	row = toWazo
	row.ID, row.SourceID, row.Position, row.State, row.Late, row.Revision = 12, "$attempted", 2, StateAttempted, true, 1
	row.Attempts, row.AttemptedAt = 2, ms(1700000000112)
	check(row, `{"request":"12/0"}`)
	row = toWazo
	row.ID, row.SourceID, row.Position, row.State, row.Session = 13, "$waiting", 3, StateWaiting, "megolm-2"
	check(row)
	row = toWazo
	row.ID, row.SourceID, row.Position, row.State, row.Revision = 14, "$parked", 4, StateParked, 2
	row.Attempts, row.AttemptedAt, row.Error = 3, ms(1700000000114), "too large"
	check(row, `{"request":"14/0"}`)

	row = toMatrix
	row.ID, row.SourceID, row.Position, row.State = 15, "uuid-new", 1700000000000015, StateNew
	check(row)
	row = toMatrix
	row.ID, row.SourceID, row.Position, row.State, row.Part = 16, "uuid-attempted", 1700000000000016, StateAttempted, 1
	row.Attempts, row.AttemptedAt = 1, ms(1700000000116)
	check(row, `{"request":"16/0"}`, `{"request":"16/1"}`)
	row = toMatrix
	row.ID, row.SourceID, row.Position, row.State = 17, "uuid-waiting", 1700000000000017, StateWaiting
	check(row)
	row = toMatrix
	row.ID, row.SourceID, row.Position, row.State = 18, "uuid-parked", 1700000000000018, StateParked
	row.Attempts, row.AttemptedAt, row.Error = 1, ms(1700000000118), "refused"
	check(row, `{"request":"18/0"}`)

	check(Row{ID: 19, PortalID: 4, Direction: ToWazo, Kind: KindIntroduction, SourceID: "introduction", Author: "@sam:a.example", State: StateNew})
	check(Row{ID: 20, PortalID: 4, Direction: ToMatrix, Kind: KindLinked, SourceID: "linked", Author: "relay-uuid", State: StateNew})
	for table, want := range map[string]int{"queue": 10, "payload": 10, "request": 5} {
		require.Equal(t, want, db.count(t, table), table)
	}
}

func (db installed) testMessages(t *testing.T) {
	messages, err := db.Message.QueryMany(t.Context(), `SELECT `+messageColumns+` FROM message ORDER BY wazo_uuid, part`)
	require.NoError(t, err)
	require.Equal(t, []*Message{
		{3, "uuid-1", 0, "$event-1", "alice-uuid", us(1700000000000021), ms(1700000000121)},
		{3, "uuid-1", 1, "$event-2", "alice-uuid", us(1700000000000021), ms(1700000000122)},
		{3, "uuid-2", 0, "", "alice-uuid", us(1700000000000022), ms(1700000000123)},
		{3, "uuid-3", 0, "$event-3", "@robin:a.example", us(1700000000000023), ms(1700000000124)},
	}, messages)
	for _, message := range messages {
		known, err := db.Message.KnowsUUID(t.Context(), 3, message.WazoUUID)
		require.NoError(t, err)
		require.True(t, known, message.WazoUUID)
		known, err = db.Message.KnowsEvent(t.Context(), 3, message.EventID)
		require.NoError(t, err)
		require.Equal(t, message.EventID != "", known, message.EventID)
	}
	newest, err := db.Message.NewestToWazo(t.Context(), 3)
	require.NoError(t, err)
	require.Equal(t, us(1700000000000023), newest)

	orphan, err := db.Orphan.Find(t.Context(), 3, "Robin", "hello", false)
	require.NoError(t, err)
	require.Equal(t, &Orphan{3, "uuid-orphan", "Robin", "hello", us(1700000000000031)}, orphan)
	require.Equal(t, 1, db.count(t, "orphan"))
}

func (db installed) testGaps(t *testing.T) {
	gaps, err := db.Gap.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*Gap{
		{ID: 41, PortalID: 3, Room: "!support:a.example", From: "p1", To: "s1", FirstPosition: 5, NextPosition: 4294967300},
	}, gaps)
	last, err := db.Queue.LastPosition(t.Context(), 3)
	require.NoError(t, err)
	require.Equal(t, int64(4294967300), last)
}

func (db installed) testWithheld(t *testing.T) {
	// When it was told is only seen from when it is forgotten.
	for _, step := range []struct {
		before int64
		has    bool
	}{{1700000000051, true}, {1700000000052, false}} {
		require.NoError(t, db.Withheld.Forget(t.Context(), ms(step.before)))
		has, err := db.Withheld.Has(t.Context(), "@eve:a.example", "megolm-3")
		require.NoError(t, err)
		require.Equal(t, step.has, has, step.before)
	}
}

func (db installed) testInbox(t *testing.T) {
	inbox, err := db.Inbox.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*InboxRow{
		{61, InboxCommand, "!support:a.example", "$command", `{"body":"!wazo status"}`, ms(1700000000061)},
	}, inbox)
	notices, err := db.Notice.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*Notice{
		{ID: 71, Room: "!support:a.example", Markdown: "**Paused**", ReplyTo: "$command", CreatedAt: ms(1700000000071)},
		{ID: 72, User: "@robin:a.example", Markdown: "Hello", CreatedAt: ms(1700000000072)},
	}, notices)
}

func (db installed) testPeople(t *testing.T) {
	for number, want := range map[int]string{1: "wazo-support", 2: "wazo-sales", 3: ""} {
		room, err := db.Listing.Room(t.Context(), "@robin:a.example", number)
		require.NoError(t, err)
		require.Equal(t, want, room)
	}
	chat, err := db.DirectChat.Get(t.Context(), "@robin:a.example")
	require.NoError(t, err)
	require.Equal(t, id.RoomID("!direct:a.example"), chat)
	pending, err := db.Explanation.Pending(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"wazo-wanted"}, pending)
	wanted, err := db.Explanation.Want(t.Context(), "wazo-given")
	require.NoError(t, err)
	require.False(t, wanted, "it was given before the upgrade")
	for table, want := range map[string]int{"listing": 2, "direct_chat": 1, "explanation": 2} {
		require.Equal(t, want, db.count(t, table), table)
	}
}

func (db installed) testFiles(t *testing.T) {
	const room = id.RoomID("!support:a.example")
	for _, want := range []*Media{
		{
			Key: "Emkl7EnqQaI7PSkmVVd-MiUSZl5-dNCz", Room: room, EventID: "$file", MXC: "mxc://a.example/file",
			Encrypted: `{"url":"mxc://a.example/file","key":{"k":"secret"}}`, Name: "plan.pdf", MimeType: "application/pdf",
			CreatedAt: ms(1700000000081), ExpiresAt: ms(1800000000081),
		},
		{
			Key: "S6qcz07Zg5LALYiQz3kwPKdXvKgo9vMd", Room: room, EventID: "$picture", MXC: "mxc://a.example/picture", Name: "cat.jpg",
			CreatedAt: ms(1700000000082), ExpiresAt: ms(1800000000082),
		},
	} {
		require.Equal(t, want.Key, db.Media.Key(room, want.EventID), "the link that was posted is the same")
		media, err := db.Media.ByKey(t.Context(), want.Key, ms(1700000000090))
		require.NoError(t, err)
		require.Equal(t, want, media)
	}
	for encrypted, want := range map[bool]string{true: `{"url":"mxc://a.example/enc","key":{"k":"secret"}}`, false: "mxc://a.example/plain"} {
		avatar, err := db.Avatar.Get(t.Context(), "alice-uuid", "AM", encrypted)
		require.NoError(t, err)
		require.Equal(t, want, avatar)
	}
	for _, table := range []string{"media", "avatar"} {
		require.Equal(t, 2, db.count(t, table), table)
	}
}

func (db installed) testIDs(t *testing.T) {
	row := db.queue(t, &Portal{ID: 3}, ToWazo, "$after the upgrade", 5)
	require.Equal(t, int64(51), row.ID)
}

// An upgrade can lose the rows of a table without being noticed if no upgrade test has rows in that table.
func TestEveryTableHasARowInAnUpgradeTest(t *testing.T) {
	t.Parallel()
	rows := make(map[string]int)
	for _, installation := range [][]string{installationV1, installationV2, installationV3, installationV5, installationV7, installationV8, installationV9, installationV10, installationV11, installationV12} {
		db := upgrade(t, installation...)
		for _, table := range db.tables(t) {
			rows[table] += db.count(t, table)
		}
	}
	require.NotEmpty(t, rows)
	for table, n := range rows {
		require.NotZero(t, n, "table %s has no row: add a test that upgrades from the first version with this table, and a row in it", table)
	}
}

// tables returns the names of the tables of this package.
func (db *Database) tables(t *testing.T) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), ourTables+" SELECT name FROM ours")
	names, err := dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
	require.NoError(t, err)
	return names
}

// ourTables names the tables of this package: all except for those of SQLite and of dbutil.
const ourTables = `
	WITH ours AS (SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT IN ('version', 'database_owner'))
`

// schemaQuery describes everything that SQLite knows of a schema except for what does not matter to a query: the order
// of columns, white space and comments. An upgrade that alters a table changes these.
const schemaQuery = ourTables + `
	SELECT format('table %s: autoincrement %d, strict %d, without rowid %d', ours.name, ours.sql LIKE '%AUTOINCREMENT%', "table"."strict", "table".wr)
	FROM ours, pragma_table_list(ours.name) AS "table"
	UNION ALL
	SELECT format('column %s.%s: %s, not null %d, default %s, primary key %d, hidden %d', ours.name, "column".name, "column".type, "column"."notnull", "column".dflt_value, "column".pk, "column".hidden)
	FROM ours, pragma_table_xinfo(ours.name) AS "column"
	UNION ALL
	SELECT format('key %s.%s: references %s.%s, on update %s, on delete %s, match %s, number %d', ours.name, key."from", key."table", key."to", key.on_update, key.on_delete, key."match", key.seq)
	FROM ours, pragma_foreign_key_list(ours.name) AS key
	UNION ALL
	SELECT format('index %s of %s: unique %d, partial %d, origin %s, columns %s, %s', "index".name, ours.name, "index"."unique", "index".partial, "index".origin,
		(SELECT group_concat(format('%s %s %d', name, coll, "desc"), ', ' ORDER BY seqno) FROM pragma_index_xinfo("index".name) WHERE key), definition.sql)
	FROM ours, pragma_index_list(ours.name) AS "index" JOIN sqlite_schema AS definition ON definition.name = "index".name
	UNION ALL
	SELECT type || ' ' || name || ' ' || sql FROM sqlite_schema WHERE type IN ('view', 'trigger')
`

func schemaOf(t *testing.T, db *Database) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), schemaQuery)
	found, err := dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
	require.NoError(t, err)
	slices.Sort(found)
	return found
}
