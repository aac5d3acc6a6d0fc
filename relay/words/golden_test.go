package words

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the texts into testdata/texts.golden")

// reason is why something failed, under the name of the function or constant that says it.
type reason struct{ name, text string }

const (
	goldenPrefix = "!chat"
	goldenTitle  = "Sales & *Support*"
	goldenRoom   = "!room:a.example"
)

var goldenKept = 7 * 24 * time.Hour

// messageReasons are why one message is not delivered.
func messageReasons() []reason {
	return []reason{
		{"WhyTooLarge", WhyTooLarge},
		{"WhyRefused", WhyRefused},
		{"WhyUnreadable", WhyUnreadable},
		{"WhyBroken", WhyBroken},
		{"WhyService", WhyService},
	}
}

// senderReasons are why a message is not delivered that only its sender on Matrix can do something about.
func senderReasons() []reason {
	return []reason{
		{"WhyUndecryptable", WhyUndecryptable},
		{"WhyNoKey", WhyNoKey(goldenKept)},
		{"WhyKeyWithheld", WhyKeyWithheld(goldenKept)},
	}
}

// pauseReasons are why a link is paused.
func pauseReasons() []reason {
	return []reason{
		{"WhyNoPermission", WhyNoPermission},
		{"WhyLogin", WhyLogin},
		{"WhyNoRoomOnWazo", WhyNoRoomOnWazo},
		{"WhyConflict", WhyConflict},
		{"WhyForbidden", WhyForbidden},
		{"WhyRemoved", WhyRemoved},
	}
}

func join(lists ...[]reason) (all []reason) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// texts renders every text of the package.
func texts() string {
	var b strings.Builder
	group := func(title string) { fmt.Fprintf(&b, "\n## %s\n\n", title) }
	text := func(name, said string) {
		fmt.Fprintf(&b, "%s\n", name)
		for line := range strings.Lines(said) {
			b.WriteString(strings.TrimRight("    "+line, " \n") + "\n")
		}
	}
	because := func(name string, said func(why string) string, reasons ...[]reason) {
		for _, r := range join(reasons...) {
			text(name+" "+r.name, said(r.text))
		}
	}
	b.WriteString("# Written by go test ./relay/words -update. Every text that the relay says.\n")

	group("The bot and its commands")
	text("BotName", BotName)
	text("Hello", Hello(goldenPrefix))
	text("InviteDeclined", InviteDeclined)
	text("Away", Away)
	text("CannotRead", CannotRead)
	text("UnknownCommand", UnknownCommand(goldenPrefix, "fly", ""))
	text("UnknownCommand, one is near", UnknownCommand(goldenPrefix, "lnik", "link"))
	text("Help", Help(goldenPrefix, []Command{{"ping", "checks that the bot responds"}, {"version", "shows the version of the relay"}}))
	text("Pong", Pong(1234567*time.Microsecond))
	text("NoAdmin", NoAdmin)
	text("NotAllowed", NotAllowed)
	text("PowerTooLow", PowerTooLow(50, 0))

	group("rooms")
	text("SentToDirectChat", SentToDirectChat)
	text("Rooms, none", Rooms(goldenPrefix, nil))
	text("Rooms", Rooms(goldenPrefix, []RoomLine{{Title: goldenTitle, UUID: "uuid-1"}, {Title: "Lunch", UUID: "uuid-2", Linked: true}}))

	group("link and create")
	text("LinkUsage", LinkUsage(goldenPrefix))
	text("CreateUsage", CreateUsage(goldenPrefix))
	text("BotPowerTooLow", BotPowerTooLow)
	text("RoomIsOpen OpenJoin", RoomIsOpen(goldenPrefix, OpenJoin))
	text("RoomIsOpen OpenHistory", RoomIsOpen(goldenPrefix, OpenHistory))
	text("AlreadyLinkedHere", AlreadyLinkedHere(goldenTitle, goldenPrefix))
	text("AlreadyLinkedElsewhere", AlreadyLinkedElsewhere(goldenTitle, goldenRoom))
	text("NoSuchRoom", NoSuchRoom("Lunhc", goldenPrefix))
	text("ManyRooms", ManyRooms("lunch", []string{"Lunch", "Lunch in *B*"}))
	text("OutsideParticipants", OutsideParticipants(goldenTitle))
	text("NobodyFound", NobodyFound("Alcie"))
	text("ManyFound", ManyFound("Alice", []string{"Alice Martin", "Alice Stone"}))
	text("OnlyMember", OnlyMember)
	text("WrongMembers", WrongMembers)
	text("Linking", Linking(goldenTitle))
	text("Linked", Linked(goldenTitle))
	because("LinkFailed", func(why string) string { return LinkFailed(goldenTitle, why) }, messageReasons(), pauseReasons())

	group("A link that changes or ends")
	text("RoomWasOpened OpenJoin", RoomWasOpened(goldenPrefix, OpenJoin))
	text("RoomWasOpened OpenHistory", RoomWasOpened(goldenPrefix, OpenHistory))
	text("OpenAccepted", OpenAccepted)
	text("Moved", Moved(goldenTitle))
	text("CannotFollow", CannotFollow(goldenRoom, "!new:a.example", goldenTitle))
	text("RemovedFromRoom", RemovedFromRoom(goldenRoom, goldenTitle, goldenPrefix))
	text("Unlinked", Unlinked(goldenTitle))
	text("UnlinkedRoom", UnlinkedRoom(goldenRoom))
	text("UnlinkedFromWazo", UnlinkedFromWazo(goldenTitle, "Alice_Martin"))
	text("NotLinked", NotLinked(goldenPrefix))

	group("Messages that are not delivered")
	because("NotDelivered", NotDelivered, messageReasons(), senderReasons())
	because("CannotShow", func(why string) string { return CannotShow("Alice_Martin", why) }, messageReasons())
	text("KeyNeverCame", KeyNeverCame(goldenKept))
	text("GapLost", GapLost)
	text("Retried, none", Retried(0))
	text("Retried, one", Retried(1))
	text("Retried, several", Retried(2))
	text("Dropped, none", Dropped(0))
	text("Dropped, one", Dropped(1))
	text("Dropped, several", Dropped(3))

	group("Pauses and outages")
	because("Paused", Paused, pauseReasons())
	text("GoesOn", GoesOn)
	text("Outage ServiceWazo", Outage(ServiceWazo))
	text("OutageOver ServiceWazo", OutageOver(ServiceWazo))

	group("Commands that fail")
	because("CommandFailed", CommandFailed, messageReasons(), pauseReasons(), []reason{{"WhyTooManyLogins", WhyTooManyLogins}})

	group("status")
	text("Status, not linked", goldenStatus("").Render(goldenPrefix))
	text("Status, all is well", goldenStatus(goldenTitle).Render(goldenPrefix))
	text("Status, nothing is well, WhyOpened", troubledStatus().Render(goldenPrefix))
	because("LastError", func(why string) string { return LastError(time.Date(2026, 11, 21, 14, 3, 59, 0, time.UTC), why) },
		messageReasons(), pauseReasons(), []reason{{"WhyUndecryptable", WhyUndecryptable}, {"WhyTooManyLogins", WhyTooManyLogins}})
	for _, d := range devices() {
		text(d.name, d.render())
	}

	group("On Wazo")
	text("Introduction", Introduction("Support"))
	text("Introduction, the room has no name", Introduction(""))
	text("Explanation", Explanation)
	text("GoodbyeOnWazo", GoodbyeOnWazo)
	text("Late", Late(time.Date(2026, 11, 21, 14, 3, 59, 0, time.UTC)))

	group("In a browser, instead of a file")
	text("FileGone", FileGone)
	text("FileTooLarge", FileTooLarge)
	text("FileDamaged", FileDamaged)
	text("FileUnavailable", FileUnavailable)
	return b.String()
}

func goldenStatus(title string) Status {
	return Status{
		Version: "1.2.3", Uptime: "3h2m1s", Title: title, WazoRoom: "uuid-1", Reader: "relay", Poster: "relay", WazoConnected: true,
		WazoVerified: true, LinkedBy: "@robin:a.example", LastSync: 3 * time.Second, WazoUser: "relay",
		Device: Device{ID: "DEVICE", State: DeviceSigned, OneTimeKeys: 50},
	}
}

func troubledStatus() Status {
	status := goldenStatus(goldenTitle)
	status.WazoConnected, status.WazoVerified, status.CannotTellRoom = false, false, true
	status.ToWazo, status.ToMatrix, status.Waiting, status.Parked = 4, 3, 2, 1
	for _, r := range pauseReasons() {
		status.Paused = append(status.Paused, r.text)
	}
	status.Paused = append(status.Paused, WhyOpened)
	status.LastError = LastError(time.Date(2026, 11, 21, 14, 3, 59, 0, time.UTC), WhyService)
	status.Device = Device{ID: "DEVICE", State: DeviceUnknown, OneTimeKeys: -1}
	return status
}

// namedDevice is a device under the names of the constants that it shows.
type namedDevice struct {
	name string
	Device
}

// devices are the bot's device in each state, with the advice that goes with it.
func devices() []namedDevice {
	return []namedDevice{
		{"DeviceSigned", Device{"DEVICE", DeviceSigned, 50, ""}},
		{"DeviceSigned NoOneTimeKeys AdviseOneTimeKeys", Device{"DEVICE", DeviceSigned, 0, AdviseOneTimeKeys}},
		{"DeviceUnsigned AdviseRecoveryKey", Device{"DEVICE", DeviceUnsigned, 50, AdviseRecoveryKey}},
		{"DeviceNoIdentity AdviseIdentity", Device{"DEVICE", DeviceNoIdentity, 50, AdviseIdentity}},
		{"DeviceIdentityBroken AdviseReset", Device{"DEVICE", DeviceIdentityBroken, 50, AdviseReset}},
		{"DeviceIdentityChanged AdviseRecoveryKey", Device{"DEVICE", DeviceIdentityChanged, 50, AdviseRecoveryKey}},
		{"DeviceGone AdviseNewDevice", Device{"DEVICE", DeviceGone, 50, AdviseNewDevice}},
		{"DeviceOtherKeys AdviseNewDevice", Device{"DEVICE", DeviceOtherKeys, 50, AdviseNewDevice}},
		{"DeviceUnknown", Device{"DEVICE", DeviceUnknown, -1, ""}},
	}
}

func TestEveryTextIsAsReviewed(t *testing.T) {
	file := filepath.Join("testdata", "texts.golden")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(texts()), 0o644))
	}
	golden, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(golden), texts(), "run go test ./relay/words -update and read what changed")
}

func TestReasonsFitAfterAColon(t *testing.T) {
	reasons := join(messageReasons(), senderReasons(), pauseReasons(), []reason{{"WhyOpened", WhyOpened}, {"WhyTooManyLogins", WhyTooManyLogins}})
	for _, r := range reasons {
		t.Run(r.name, func(t *testing.T) {
			first, _, _ := strings.Cut(r.text, " ")
			begins := first == "I" || first == ServiceWazo || unicode.IsLower([]rune(first)[0])
			require.True(t, begins, "%q follows a colon", r.text)
			require.True(t, strings.HasSuffix(r.text, "."), "%q is followed by a sentence", r.text)
		})
	}
}

// A text that the golden file lacks is read by nobody before it is said.
func TestGoldenFileHasEveryText(t *testing.T) {
	var labels strings.Builder
	for line := range strings.Lines(texts()) {
		if !strings.HasPrefix(line, " ") { // not a text itself
			labels.WriteString(line)
		}
	}
	shown := strings.FieldsFunc(labels.String(), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, name := range declaredTexts(t) {
		require.Contains(t, shown, name, "add it to texts")
	}
}

// declaredTexts are the names of the exported constants, functions and methods of the package that say something.
func declaredTexts(t *testing.T) (names []string) {
	t.Helper()
	silent := map[string]bool{"Escape": true, "Render": true}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, declaration := range parsed.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				names = append(names, d.Name.Name)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if values, ok := spec.(*ast.ValueSpec); ok {
						for _, name := range values.Names {
							names = append(names, name.Name)
						}
					}
				}
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return silent[name] || !ast.IsExported(name) })
}
