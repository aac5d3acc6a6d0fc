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
type reason struct {
	name string
	why  Why // "" if a function says it
	text string
}

func why(name string, why Why) reason { return reason{name, why, golden.Why(why)} }

const (
	goldenTitle = "Sales & *Support*"
	goldenRoom  = "!room:a.example"
)

// golden are the texts in the golden file that is being compared: see inEachLanguage.
var golden = New("!chat")

// inEachLanguage runs a test with the golden texts in each language.
func inEachLanguage(t *testing.T, run func(t *testing.T)) {
	t.Helper()
	before := golden
	t.Cleanup(func() { golden = before })
	for _, language := range Languages() {
		t.Run(string(language), func(t *testing.T) {
			golden = before.In(language)
			run(t)
		})
	}
}

// compareGolden compares texts with those in a file, whose name is that of the English ones. With -update, it writes
// the file.
func compareGolden(t *testing.T, name string, texts func() string) {
	t.Helper()
	inEachLanguage(t, func(t *testing.T) {
		file := filepath.Join("testdata", name+".golden")
		if golden.Language() != English {
			file = filepath.Join("testdata", name+"."+string(golden.Language())+".golden")
		}
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(texts()), 0o644))
		}
		reviewed, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(reviewed), "%!", "a placeholder and its argument differ")
		require.Equal(t, string(reviewed), texts(), "run go test ./relay/words -update and read what changed")
	})
}

var goldenKept = 7 * 24 * time.Hour

// messageReasons are why one message is not delivered.
func messageReasons() []reason {
	return []reason{
		why("WhyTooLarge", WhyTooLarge),
		why("WhyWazoRefused", WhyWazoRefused),
		why("WhyHomeserverRefused", WhyHomeserverRefused),
		why("WhyUnreadable", WhyUnreadable),
		why("WhyBroken", WhyBroken),
		why("WhyWazoFails", WhyWazoFails),
		why("WhyHomeserverFails", WhyHomeserverFails),
		why("WhyService", WhyService),
	}
}

// withoutMessage are the reasons as they are told of what is not a message.
func withoutMessage(lists ...[]reason) (all []reason) {
	for _, r := range join(lists...) {
		all = append(all, reason{r.name, r.why, golden.WhyWithoutMessage(r.why)})
	}
	return all
}

// senderReasons are why a message is not delivered that only its sender on Matrix can do something about.
func senderReasons() []reason {
	return []reason{
		why("WhyUndecryptable", WhyUndecryptable),
		why("WhyOwnAccount", WhyOwnAccount),
		why("WhyOwnLogin", WhyOwnLogin),
		why("WhyUnreachable", WhyUnreachable),
		why("WhyNoNumber", WhyNoNumber),
		why("WhyWhichNumber", WhyWhichNumber),
		why("WhyNumbersHidden", WhyNumbersHidden),
		why("WhyNumberGone", WhyNumberGone),
		{"WhyNoKey", "", golden.WhyNoKey(goldenKept)},
		{"WhyKeyWithheld", "", golden.WhyKeyWithheld(goldenKept)},
	}
}

// pauseReasons are why a link is paused.
func pauseReasons() []reason {
	return []reason{
		why("WhyNoPermission", WhyNoPermission),
		why("WhyLogin", WhyLogin),
		why("WhyNoRoomOnWazo", WhyNoRoomOnWazo),
		why("WhyNoReader", WhyNoReader),
		why("WhyConflict", WhyConflict),
		why("WhyForbidden", WhyForbidden),
		why("WhyRemoved", WhyRemoved),
	}
}

// healthReasons are why a side is not well.
func healthReasons() []reason {
	return []reason{
		why("WhyNoSync", WhyNoSync),
		why("WhyCatchingUp", WhyCatchingUp),
		why("WhyHomeserverFails", WhyHomeserverFails),
		why("WhyLoginFails", WhyLoginFails),
		why("WhyChatFails", WhyChatFails),
		why("WhyEventsFail", WhyEventsFail),
		why("WhyWebhookFails", WhyWebhookFails),
		why("WhyWebhookSilent", WhyWebhookSilent),
		why("WhyDirectoryFails", WhyDirectoryFails),
		why("WhyDatabaseFails", WhyDatabaseFails),
		why("WhyMatrixSilent", WhyMatrixSilent),
		why("WhyWazoSilent", WhyWazoSilent),
		why("WhyNoPermission", WhyNoPermission),
		why("WhyLogin", WhyLogin),
		why("WhyTooManyLogins", WhyTooManyLogins),
	}
}

func join(lists ...[]reason) (all []reason) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// texts renders every text of the package.
func goldenTexts() string {
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
	text("Hello", golden.Hello())
	text("InviteDeclined", golden.InviteDeclined())
	text("ShownTwice", golden.ShownTwice())
	text("Away", golden.Away())
	text("EditTooLate", golden.EditTooLate())
	text("CannotRead", golden.CannotRead())
	text("UnknownCommand", golden.UnknownCommand("fly", ""))
	text("UnknownCommand, one is near", golden.UnknownCommand("lnik", "link"))
	text("Help", golden.Help([]Command{{"ping", "checks that the bot responds"}, {"version", "shows the version of the relay"}}))
	text("Pong", golden.Pong(1234567*time.Microsecond))
	text("NoAdmin", golden.NoAdmin())
	text("NotAllowed", golden.NotAllowed())
	text("PowerTooLow", golden.PowerTooLow(50, 0))

	group("rooms")
	text("SentToDirectChat", golden.SentToDirectChat())
	text("Rooms, none", golden.Rooms(nil))
	text("Rooms", golden.Rooms([]RoomLine{{Title: goldenTitle, UUID: "uuid-1"}, {Title: "Lunch", UUID: "uuid-2", Linked: true}}))

	text("OwnRooms, none", golden.OwnRooms(nil, 0))
	text("OwnRooms", golden.OwnRooms([]OwnRoom{
		{Title: goldenTitle, UUID: "uuid-1", Members: 3}, {Title: "Bob Stone", UUID: "uuid-2", Members: 2},
		{Title: "Lunch", UUID: "uuid-3", Members: 4, Linked: true, MatrixRoom: goldenRoom}, {Title: "Board", UUID: "uuid-4", Members: 4, Linked: true},
		{Title: "+1 555 0100", UUID: "uuid-5", Members: 2, Outside: true},
	}, 0))
	text("OwnRooms, and more", golden.OwnRooms([]OwnRoom{{Title: "Lunch", UUID: "uuid-3", Members: 4}}, 7))

	group("What administrators are told")
	for _, p := range []struct {
		name string
		part Part
		why  Why
	}{{"PartRelay", PartRelay, WhyDatabaseFails}, {"PartMatrix", PartMatrix, WhyHomeserverFails}, {"PartWazo", PartWazo, WhyChatFails}} {
		text("ProblemBegun "+p.name, golden.ProblemBegun(p.part, golden.Why(p.why)))
		text("ProblemOver "+p.name, golden.ProblemOver(p.part, golden.Why(p.why), 75*time.Minute))
	}
	text("WorstPortals, none", golden.WorstPortals(nil, 0))
	text("WorstPortals, one", golden.WorstPortals([]TroubledPortal{{Title: goldenTitle, MatrixRoom: goldenRoom, Parked: 2}}, 1))
	troubled := []TroubledPortal{
		{Title: goldenTitle, MatrixRoom: goldenRoom, Paused: []Why{WhyForbidden}, Waiting: 3, Oldest: 2 * time.Hour},
		{Title: "Lunch", MatrixRoom: "!b:a.example", Waiting: 1, Oldest: 75 * time.Second, WithoutKey: 2},
	}
	text("WorstPortals, all", golden.WorstPortals(troubled, 2))
	text("WorstPortals, and more", golden.WorstPortals(troubled, 25))
	text("StatusUsage", golden.StatusUsage())

	group("The room in which the relay sends messages to itself")
	text("ProbeRoomName", golden.Say(ProbeRoomName))
	text("ProbeRoomTopic", golden.Say(ProbeRoomTopic))
	text("SelfProbe", golden.Say(SelfProbe))

	group("search, who and presence")
	text("AnsweredInDirectChat", golden.AnsweredInDirectChat())
	text("LogInNotAccepted", golden.LogInNotAccepted())
	text("AccountLacksPermission", golden.AccountLacksPermission())
	text("TenantWithoutDirectory", golden.TenantWithoutDirectory())
	text("SearchUsage", golden.SearchUsage())
	text("Found", golden.Found("ali`ce", goldenPeople()))
	text("Found, and at least more", golden.Found("a", People{Shown: goldenPeople().Shown[:1], More: 90, AtLeast: true}))
	text("NobodyHasAccount", golden.NobodyHasAccount("Alcie"))
	text("Who", golden.Who(goldenTitle, goldenPeople()))
	text("Who, Wazo does not tell the presences", golden.Who("Lunch", People{Shown: []Person{{Line: "Bob Stone"}}, NoPresences: true}))
	text("WhoHidden", golden.WhoHidden())
	text("YourPresence", golden.YourPresence(Presence{State: "available"}))
	text("YourPresence, invisible", golden.YourPresence(Presence{State: "invisible", Text: "Lunch"}))
	text("PresenceUnknown", golden.PresenceUnknown("asleep"))
	text("PresenceNotDisturbed", golden.PresenceNotDisturbed())
	text("NoPresence", golden.NoPresence())
	text("PresencesNotReady", golden.PresencesNotReady())

	group("start")
	text("StartUsage", golden.StartUsage())
	text("TooManyMembers", golden.TooManyMembers(99))
	text("Choose", golden.Choose("Max", []string{"Max *Muster* (1004)", "Max Muster (1005)"}, 0))
	text("Choose, and more", golden.Choose("Max", []string{"Max Muster (1004)"}, 7))
	text("OnlyYourself", golden.OnlyYourself())
	text("StartWithRelay", golden.StartWithRelay())
	text("LargerChat", golden.LargerChat())
	text("StartFound", golden.StartFound(goldenTitle, goldenRoom))
	text("StartOpening", golden.StartOpening(goldenTitle))

	group("link and create")
	text("LinkUsage", golden.LinkUsage())
	text("CreateUsage", golden.CreateUsage())
	text("BotPowerTooLow", golden.BotPowerTooLow())
	text("RoomIsOpen OpenJoin", golden.RoomIsOpen(golden.OpenJoin()))
	text("RoomIsOpen OpenThrough OpenJoin", golden.RoomIsOpen(golden.OpenThrough("!space:a.example", golden.OpenJoin())))
	text("RoomIsOpen OpenThroughUnknown", golden.RoomIsOpen(golden.OpenThroughUnknown("!space:a.example")))
	text("RoomIsOpen OpenHistory", golden.RoomIsOpen(golden.OpenHistory()))
	text("AlreadyLinkedHere", golden.AlreadyLinkedHere(goldenTitle))
	text("AlreadyLinkedElsewhere", golden.AlreadyLinkedElsewhere(goldenTitle, goldenRoom))
	text("NoSuchRoom", golden.NoSuchRoom("Lunhc"))
	text("NoSuchOwnRoom", golden.NoSuchOwnRoom("Lunhc"))
	text("LinkNeedsLogin", golden.LinkNeedsLogin())
	text("RoomIsOpenToLink OpenJoin", golden.RoomIsOpenToLink(golden.OpenJoin()))
	text("AlreadyLinked", golden.AlreadyLinked(goldenTitle))
	text("ManyRooms", golden.ManyRooms("lunch", []string{"Lunch", "Lunch in *B*"}))
	text("OutsideParticipants", golden.OutsideParticipants(goldenTitle))
	text("NobodyFound", golden.NobodyFound("Alcie"))
	text("ManyFound", golden.ManyFound("Alice", []string{"Alice Martin", "Alice Stone"}, 0))
	text("ManyFound, and more", golden.ManyFound("Alice", []string{"Alice Martin", "Alice Stone"}, 7))
	text("OnlyMember", golden.OnlyMember())
	text("WrongMembers", golden.WrongMembers())
	text("Linking", golden.Linking(goldenTitle))
	text("Linked", golden.Linked(goldenTitle))
	because("LinkFailed", func(why string) string { return golden.LinkFailed(goldenTitle, why) }, withoutMessage(messageReasons(), pauseReasons()), []reason{why("WhyLinkerLeft", WhyLinkerLeft)})

	group("A link that changes or ends")
	text("RoomWasOpened OpenJoin", golden.RoomWasOpened(golden.OpenJoin()))
	text("RoomWasOpened OpenHistory", golden.RoomWasOpened(golden.OpenHistory()))
	text("OpenAccepted", golden.OpenAccepted())
	text("Moved", golden.Moved(goldenTitle))
	text("CannotFollow", golden.CannotFollow(goldenRoom, "!new:a.example", goldenTitle))
	text("RemovedFromRoom", golden.RemovedFromRoom(goldenRoom, goldenTitle))
	text("Unlinked", golden.Unlinked(goldenTitle))
	text("UnlinkedRoom", golden.UnlinkedRoom(goldenRoom))
	text("UnlinkedFromWazo", golden.UnlinkedFromWazo(goldenTitle, "Alice_Martin"))
	text("NotLinked", golden.NotLinked())

	group("Messages that are not delivered")
	because("NotDelivered", golden.NotDelivered, messageReasons(), senderReasons())
	because("CannotShow", func(why string) string { return golden.CannotShow("Alice_Martin", why) }, messageReasons())
	text("Notices", golden.Notices([]Notice{
		{golden.NotDelivered(golden.Why(WhyTooLarge)), 2, []string{"https://matrix.to/#/!a/$1", "https://matrix.to/#/!a/$2"}},
		{golden.NotDelivered(golden.Why(WhyWazoRefused)), 1, []string{"https://matrix.to/#/!a/$3"}},
		{golden.GapLost(), 2, nil}, {golden.GoesOn(), 1, nil},
	}))
	text("KeyNeverCame", golden.KeyNeverCame(goldenKept))
	text("PerhapsDelivered", golden.PerhapsDelivered(golden.Why(WhyWazoFails)))
	text("MayBeDelivered", golden.MayBeDelivered(goldenKept))
	text("KeyNeverCameButMayBeDelivered", golden.KeyNeverCameButMayBeDelivered(goldenKept))
	text("GapLost", golden.GapLost())
	text("Retried, none", golden.Retried(0))
	text("Retried, one", golden.Retried(1))
	text("Retried, several", golden.Retried(2))
	text("Dropped, none", golden.Dropped(0))
	text("Dropped, one", golden.Dropped(1))
	text("Dropped, several", golden.Dropped(3))

	group("Pauses and outages")
	because("Paused", golden.Paused, pauseReasons())
	text("GoesOn", golden.GoesOn())
	text("Outage ServiceWazo", golden.Outage(ServiceWazo))
	text("OutageOver ServiceWazo", golden.OutageOver(ServiceWazo))

	text("SaidInRoom", golden.SaidInRoom(goldenRoom, golden.Outage(ServiceWazo)))
	because("CannotSpeakInRoom", func(why string) string { return golden.CannotSpeakInRoom(goldenRoom, goldenTitle, why) },
		[]reason{why("WhyForbidden", WhyForbidden), why("WhyRemoved", WhyRemoved)})

	group("People's own accounts")
	text("LogInEnded", golden.LogInEnded("robin_s"))
	text("LogInWithdrawn", golden.LogInWithdrawn("robin_s"))
	text("LogInIsRelays", golden.LogInIsRelays("robin_s"))
	text("LogInOfOtherTenant", golden.LogInOfOtherTenant("robin_s"))
	for _, instead := range insteads() {
		text("PostedInstead "+instead.name, golden.PostedInstead(goldenRoom, goldenTitle, instead.Instead))
	}

	since := time.Date(2026, 11, 21, 14, 3, 0, 0, time.UTC)
	alice := WazoUser{Name: "Alice *Martin*", Username: "alice_m"}
	group("login")
	text("LoginInDirectChat", golden.LoginInDirectChat())
	text("LoginHere", golden.LoginHere())
	text("LoginLink", golden.LoginLink("@robin:a.example", "https://relay.example.org/login/0123456789abcdef", 10*time.Minute))
	text("LoginAskName", golden.LoginAskName())
	text("LoginAskPassword", golden.LoginAskPassword())
	text("LoginTrying", golden.LoginTrying())
	text("LoginCancelled", golden.LoginCancelled())
	text("LoginTooLate", golden.LoginTooLate())
	text("LoginRestarted", golden.LoginRestarted())
	text("LoginDialogueOver", golden.LoginDialogueOver())
	text("LoginNotUsed", golden.LoginNotUsed())
	text("LoginNotEncrypted", golden.LoginNotEncrypted())
	text("LoginLinkedRoom", golden.LoginLinkedRoom())
	text("LoginSentInClear", golden.LoginSentInClear())
	text("LoginEdited", golden.LoginEdited())
	text("LoginNotText", golden.LoginNotText())
	text("LoginAlone", golden.LoginAlone())
	text("RemovalReason", golden.RemovalReason())
	text("CannotRemove", golden.CannotRemove())
	text("LoggedIn", golden.LoggedIn("@robin:a.example", alice))
	text("LoggedIn, the directory does not tell the name", golden.LoggedIn("@robin:a.example", WazoUser{Username: "alice_m"}))
	text("AlreadyLoggedIn", golden.AlreadyLoggedIn(alice, since))
	text("LoginUnderWay", golden.LoginUnderWay())
	text("WrongPassword", golden.WrongPassword())
	text("AccountDisabled", golden.AccountDisabled())
	text("AccountMayNotChat", golden.AccountMayNotChat([]string{"websocketd", "chatd.users.me.rooms.read"}))
	text("LoginLeft", golden.LoginLeft())
	text("LoginServiceDown", golden.LoginServiceDown())
	text("TooManySessions", golden.TooManySessions())
	text("OtherTenant", golden.OtherTenant())
	text("RelayAccount", golden.RelayAccount())
	text("AccountTaken", golden.AccountTaken())
	text("AccountWasTried", golden.AccountWasTried("@eve:a.example"))
	text("LoginLimited", golden.LoginLimited(time.Second))
	text("LoginLimited, longer", golden.LoginLimited(61*time.Second))
	text("LoginBusy", golden.LoginBusy())
	text("LoginFailed", golden.LoginFailed())
	text("LoginNameMissing", golden.LoginNameMissing())
	text("LoginTooLong", golden.LoginTooLong())
	text("MappingEnded", golden.MappingEnded("@robin:a.example", "@sam:a.example", alice))
	text("LoginPageInvalid", golden.Say(LoginPageInvalid))
	text("LoginPageUsed", golden.Say(LoginPageUsed))
	text("LoginPageTries", golden.Say(LoginPageTries))
	text("LoginPageOther", golden.Say(LoginPageOther))
	text("LoginPageForged", golden.Say(LoginPageForged))
	text("LoginPageHost", golden.Say(LoginPageHost))
	text("LoginPageBad", golden.Say(LoginPageBad))

	group("logout, whoami, logins, map and unmap")
	text("LoggedOut", golden.LoggedOut(alice))
	text("LoggedOutHere", golden.LoggedOutHere(alice))
	text("LoggedOutKept", golden.LoggedOutKept(alice))
	text("NotLoggedIn", golden.NotLoggedIn())
	text("ReactionsGivenUp", golden.ReactionsGivenUp([]GivenUpReaction{{"👍", "Ann *A*"}, {"🎉", ""}}, []GivenUpReaction{{"👎", "Bea"}}))
	text("ReactionsGivenUp, one", golden.ReactionsGivenUp(nil, []GivenUpReaction{{"👎", ""}}))
	text("NotHeardOnWazo", golden.NotHeardOnWazo("!room:a.example", "Project *A*", false))
	text("NotHeardOnWazo, logged in", golden.NotHeardOnWazo("!room:a.example", "Project *A*", true))
	text("NoRelayAccount", golden.NoRelayAccount())
	text("WithoutRelayAccount, MappedTo", golden.WithoutRelayAccount().MappedTo(WazoUser{Name: "Alice Martin"}, "@admin:a.example"))
	text("NoDirectory", golden.NoDirectory())
	text("NobodyLoggedIn", golden.NobodyLoggedIn())
	text("WithoutRelayAccount, LogInEnded", golden.WithoutRelayAccount().LogInEnded("alice"))
	text("LoggedInAs", golden.LoggedInAs(LoginState{As: alice, Since: since}))
	text("LoggedInAs, refused", golden.LoggedInAs(LoginState{As: alice, Since: since, Refused: true}))
	text("MappedTo", golden.MappedTo(alice, "@admin:a.example"))
	text("Logins, none", golden.Logins(nil))
	text("Logins", golden.Logins([]LoginState{
		{User: "@eve:a.example", As: WazoUser{Username: "eve"}, Since: since, Leaving: true},
		{User: "@robin:a.example", As: alice, Since: since}, {User: "@sam:a.example", As: WazoUser{Name: "Sam"}, Since: since, Refused: true},
	}))
	text("MapUsage", golden.MapUsage())
	text("Mapped", golden.Mapped("@robin:a.example", alice))
	text("MapLoggedIn", golden.MapLoggedIn("@robin:a.example", alice))
	text("MapRelayAccount", golden.MapRelayAccount())
	text("MapBot", golden.MapBot())
	text("UnmapUsage", golden.UnmapUsage())
	text("Unmapped", golden.Unmapped("@robin:a.example", alice))
	text("NotMapped", golden.NotMapped("@robin:a.example"))

	group("Conversations that open by themselves")
	text("PastTime", golden.PastTime(time.Date(2026, 11, 21, 14, 24, 0, 0, time.UTC)))
	text("ConversationTopic", golden.ConversationTopic())
	text("ConversationReady", golden.ConversationReady(goldenTitle, goldenRoom))
	text("ConversationNotReady", golden.ConversationNotReady())
	text("ConversationRefused", golden.ConversationRefused(goldenTitle))
	text("CannotOpen", golden.CannotOpen(goldenTitle, "M_FORBIDDEN"))
	text("NotInWazoRoom", golden.NotInWazoRoom())
	text("ConversationKick", golden.ConversationKick())
	text("ConversationLost", golden.ConversationLost(goldenTitle))
	text("ConversationOver", golden.ConversationOver())
	text("EndedWithMessages", golden.EndedWithMessages(goldenTitle))
	text("CannotUnlinkOpened", golden.CannotUnlinkOpened())
	text("Muted", golden.Muted(goldenTitle))
	text("MutedElsewhere", golden.MutedElsewhere(goldenTitle, "uuid-1"))
	text("MuteLinked", golden.MuteLinked())
	text("MuteUsage", golden.MuteUsage("mute"))
	text("Unmuted", golden.Unmuted(goldenTitle, true))
	text("Unmuted, was not muted", golden.Unmuted(goldenTitle, false))
	text("Auto on", golden.Auto("on"))
	text("Auto off", golden.Auto("off"))
	text("Auto direct", golden.Auto("direct"))
	text("AutoUsage", golden.AutoUsage())

	group("Health check and status")
	text("MatrixLogInEnded", golden.Say(MatrixLogInEnded))
	text("MatrixLogInNotRenewed", golden.Say(MatrixLogInNotRenewed))
	for _, r := range healthReasons() {
		text(r.name+" in Failing", golden.Failing(r.text, 75*time.Second))
	}
	because("PausedRoom", func(why string) string { return golden.PausedRoom(goldenRoom, why) }, pauseReasons(), []reason{why("WhyOpened", WhyOpened)})
	text("WaitsForMatrix", golden.WaitsForMatrix(goldenRoom, 75500*time.Millisecond))
	text("ClocksDiffer, the homeserver", golden.ClocksDiffer(false, time.Hour))
	text("ClocksDiffer, Wazo", golden.ClocksDiffer(true, -90*time.Second))
	text("WaitsForWazo", golden.WaitsForWazo(goldenRoom, 75500*time.Millisecond))

	group("Text messages")
	numbers := []string{"+1 514-555-0101", "+1 514-555-0105"}
	for _, what := range []struct {
		name string
		what Stays
	}{
		{"StaysEdit", StaysEdit}, {"StaysReaction", StaysReaction}, {"StaysRemoval", StaysRemoval}, {"StaysReply", StaysReply},
		{"StaysFile", StaysFile}, {"StaysBigFile", StaysBigFile}, {"StaysWordless", StaysWordless},
	} {
		text("StaysOnMatrix, "+what.name, golden.StaysOnMatrix(what.what, false))
	}
	text("StaysOnMatrix, StaysReaction where edits are sent", golden.StaysOnMatrix(StaysReaction, true))
	for _, own := range [][]string{nil, numbers[:1], numbers} {
		text(fmt.Sprintf("OutsideTopic, %d numbers", len(own)), golden.OutsideTopic("+1 514-555-0111", own))
		text(fmt.Sprintf("OwnNumber, none of %d numbers", len(own)), golden.OwnNumber("", own))
		text(fmt.Sprintf("NotYourNumber, %d numbers", len(own)), golden.NotYourNumber("*123*", own))
	}
	text("OwnNumber, the only one", golden.OwnNumber(numbers[0], numbers[:1]))
	text("OwnNumber", golden.OwnNumber(numbers[1], numbers))
	text("NumbersHidden", golden.NumbersHidden("chatd.users.me.identities.read"))
	text("NumberChosen", golden.NumberChosen(numbers[0]))
	text("NumberNotHere", golden.NumberNotHere())
	text("SeveralTextMessages", golden.SeveralTextMessages(33))
	text("OnlyTheOwnerSends", golden.OnlyTheOwnerSends())
	text("TextMessagesLimited", golden.TextMessagesLimited(60))
	text("ManyUnknownNumbers", golden.ManyUnknownNumbers(20))
	text("SMSUsage", golden.SMSUsage())
	text("NotANumber", golden.NotANumber("*INFO*"))
	text("YourOwnNumber", golden.YourOwnNumber())
	text("NumberUnreachable", golden.NumberUnreachable(numbers[0]))
	text("NumberOfAColleague", golden.NumberOfAColleague(numbers[0]))
	text("SMSStarted", golden.SMSStarted(numbers[0]))
	text("SMSSent", golden.SMSSent(numbers[0], 1))
	text("SMSSent, a long text", golden.SMSSent(numbers[0], 33))
	text("SMSSentAlready", golden.SMSSentAlready(numbers[0]))
	text("SMSLimited", golden.SMSLimited(numbers[0], 60))
	text("SMSPerhapsSent", golden.SMSPerhapsSent(numbers[0]))
	text("SMSNotSentYet", golden.SMSNotSentYet(numbers[0]))
	text("SMSNotSentByEdit", golden.SMSNotSentByEdit(numbers[0]))
	text("SMSRoomDoubtful", golden.SMSRoomDoubtful())
	text("TextMessageRetried", golden.TextMessageRetried())
	text("TextMessageFailed", golden.TextMessageFailed())
	text("TextMessageArrived", golden.TextMessageArrived())

	group("Commands that fail")
	because("CommandFailed", golden.CommandFailed, withoutMessage(messageReasons(), pauseReasons()), []reason{why("WhyTooManyLogins", WhyTooManyLogins)})

	group("status")
	for _, l := range logIns() {
		text(l.name, "my log-in: "+golden.matrixLogIn(&l.MatrixLogIn))
	}
	text("Status, not linked", golden.Status(goldenStatus("")))
	text("Status, all is well", golden.Status(goldenStatus(goldenTitle)))
	text("Status, nothing is well, WhyOpened", golden.Status(troubledStatus()))
	opened := goldenStatus(goldenTitle)
	opened.LinkedBy = ""
	text("Status, opened by itself", golden.Status(opened))
	for _, w := range waits() {
		text(w.name, golden.wait(w.wait))
	}
	waiting := goldenStatus(goldenTitle)
	waiting.ToWazo, waiting.WaitsToWazo = 2, Standstill{WaitDelivered, 2700 * time.Millisecond}
	waiting.ToMatrix, waiting.WaitsToMatrix = 1, Standstill{WaitOwn, 70 * time.Second}
	text("Status, queues wait", golden.Status(waiting))
	starting := goldenStatus("")
	starting.LastSync, starting.MatrixTrouble = 0, []string{golden.Why(WhyNoSync)}
	text("Status, the homeserver has not answered since the start", golden.Status(starting))
	for _, r := range join(messageReasons(), pauseReasons(), []reason{why("WhyUndecryptable", WhyUndecryptable), why("WhyTooManyLogins", WhyTooManyLogins)}) {
		text("LastError "+r.name, golden.LastError(time.Date(2026, 11, 21, 14, 3, 59, 0, time.UTC), r.why))
	}
	for _, k := range keyBackups() {
		text(k.name, golden.keyBackup(k.KeyBackup))
	}
	for _, d := range devices() {
		text(d.name, golden.device(d.Device))
	}
	const approval = "https://account.example.org/?action=reset"
	text("DeviceAdvice AdviseApproval", golden.AdviseApproval(approval))
	text("DeviceAdvice AdviseReset ResetApproval", golden.Say(AdviseReset)+"; "+golden.ResetApproval(approval))

	group("On Wazo")
	text("Introduction", golden.Introduction("Support"))
	text("Introduction, the room has no name", golden.Introduction(""))
	text("Explanation", golden.Explanation("@relay:a.example"))
	text("HelpOnWazo", golden.HelpOnWazo())
	text("UnknownOnWazo", golden.UnknownOnWazo("rooms"))
	text("UnlinkUsageOnWazo", golden.UnlinkUsageOnWazo())
	text("StatusOnWazo, all is well", golden.StatusOnWazo(StatusOnWazo{Status: goldenStatus(goldenTitle), MatrixRoom: "Support"}))
	text("StatusOnWazo, nothing is well", golden.StatusOnWazo(StatusOnWazo{Status: troubledStatus()}))
	text("GoodbyeOnWazo", golden.GoodbyeOnWazo())
	text("Late", golden.Late(time.Date(2026, 11, 21, 14, 3, 59, 0, time.UTC)))

	group("In a browser, instead of a file")
	text("AboutRelay", golden.Say(AboutRelay))
	text("StandBy", golden.Say(StandBy))
	text("TakingOver", golden.Say(TakingOver))
	text("NotCertainlyActive", golden.Say(NotCertainlyActive))
	text("WebhookHere", golden.Say(WebhookHere))
	text("FileGone", golden.Say(FileGone))
	text("FileTooLarge", golden.Say(FileTooLarge))
	text("FileDamaged", golden.Say(FileDamaged))
	text("FileUnavailable", golden.Say(FileUnavailable))
	return b.String()
}

// goldenPeople are people in each state.
func goldenPeople() People {
	return People{More: 2, Shown: []Person{
		{Line: "Alice *Martin* (1001)", Presence: &Presence{State: "available", OnThePhone: true, DoNotDisturb: true, Text: "In a _meeting_"}},
		{Line: "Bob Stone", Presence: &Presence{State: "away"}, Here: "@bob:a.example"},
		{Line: "Chloé Roy", Presence: &Presence{State: "invisible"}}, {Line: "Dan"}, {Line: "Matrix Relay", Relay: true},
	}}
}

// insteads are why the relay's account posts a message and not the sender's, under the names of the constants.
func insteads() []namedInstead {
	return []namedInstead{
		{"InsteadNoMember", InsteadNoMember},
		{"InsteadNoPermission", InsteadNoPermission},
		{"InsteadConflict", InsteadConflict},
		{"InsteadTooManyLogins", InsteadTooManyLogins},
		{"InsteadLogInFails", InsteadLogInFails},
		{"InsteadAccountFails", InsteadAccountFails},
	}
}

// namedInstead is a reason under the name of the constant.
type namedInstead struct {
	name string
	Instead
}

func goldenStatus(title string) Status {
	return Status{
		Version: "1.2.3", Uptime: 3*time.Hour + 2*time.Minute + time.Second, Title: title, WazoRoom: "uuid-1",
		WazoVerified: true, LinkedBy: "@robin:a.example", LastSync: 3 * time.Second, WazoUser: "relay",
		Device: Device{ID: "DEVICE", State: DeviceSigned, OneTimeKeys: 50}, KeyBackup: KeyBackup{State: BackupUsed},
	}
}

type namedWait struct {
	name string
	wait Wait
}

// waits are all that queues wait for.
func waits() []namedWait {
	return []namedWait{
		{"WaitLogins", WaitLogins}, {"WaitStart", WaitStart}, {"WaitGap", WaitGap}, {"WaitDelivered", WaitDelivered},
		{"WaitHistory", WaitHistory}, {"WaitJoin", WaitJoin}, {"WaitLateEvent", WaitLateEvent}, {"WaitOwn", WaitOwn},
		{"WaitReplyMark", WaitReplyMark}, {"WaitTextLimit", WaitTextLimit},
	}
}

func troubledStatus() Status {
	status := goldenStatus(goldenTitle)
	status.WazoVerified, status.CannotTellRoom = false, true
	status.WazoUser, status.Reader = "", "@robin:a.example"
	status.MatrixTrouble = []string{golden.Failing(golden.Why(WhyHomeserverFails), 75*time.Second)}
	status.WazoTrouble = []string{golden.Failing(golden.Why(WhyChatFails), 75*time.Second), golden.WaitsForWazo(goldenRoom, 2*time.Minute)}
	status.ToWazo, status.ToMatrix, status.Waiting, status.Parked = 4, 3, 2, 1
	for _, r := range pauseReasons() {
		status.Paused = append(status.Paused, r.why)
	}
	status.Paused = append(status.Paused, WhyOpened)
	status.LastError = golden.LastError(time.Date(2026, 11, 21, 14, 3, 59, 0, time.UTC), WhyWazoFails)
	status.Limited = true
	status.LogIn = &MatrixLogIn{Kind: LogInByBrowser, Renewable: true, Valid: -time.Minute, Failures: 3}
	status.Device = Device{ID: "DEVICE", State: DeviceUnknown, OneTimeKeys: -1}
	status.KeyBackup = KeyBackup{BackupFailing, AdviseBackupLog}
	return status
}

// namedLogIn is a log-in under the names of the constants that it shows.
type namedLogIn struct {
	name string
	MatrixLogIn
}

// logIns are the bot's log-in in each state.
func logIns() []namedLogIn {
	return []namedLogIn{
		{"LogInByToken", MatrixLogIn{Kind: LogInByToken}},
		{"LogInByPassword", MatrixLogIn{Kind: LogInByPassword}},
		{"LogInByPassword, with a refresh token", MatrixLogIn{Kind: LogInByPassword, Renewable: true}},
		{"LogInByBrowser", MatrixLogIn{Kind: LogInByBrowser, Renewable: true, Valid: 4*time.Minute + 3*time.Second}},
		{"LogInByBrowser, once in vain", MatrixLogIn{Kind: LogInByBrowser, Renewable: true, Valid: 40 * time.Second, Failures: 1}},
		{"LogInByBrowser, expired", MatrixLogIn{Kind: LogInByBrowser, Renewable: true, Valid: -time.Minute, Failures: 12}},
		{"LogInByBrowser, ended", MatrixLogIn{Kind: LogInByBrowser, Renewable: true, Valid: -time.Minute, Ended: true}},
	}
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

// namedKeyBackup is a key backup under the names of the constants that it shows.
type namedKeyBackup struct {
	name string
	KeyBackup
}

// keyBackups are the key backup in each state, with the advice that goes with it.
func keyBackups() []namedKeyBackup {
	return []namedKeyBackup{
		{"BackupUsed", KeyBackup{BackupUsed, ""}},
		{"BackupNone", KeyBackup{BackupNone, ""}},
		{"BackupLocked AdviseRecoveryKey", KeyBackup{BackupLocked, AdviseRecoveryKey}},
		{"BackupForeign AdviseBackupKey", KeyBackup{BackupForeign, AdviseBackupKey}},
		{"BackupDisabled", KeyBackup{BackupDisabled, ""}},
		{"BackupFailing AdviseBackupLog", KeyBackup{BackupFailing, AdviseBackupLog}},
		{"BackupUnknown", KeyBackup{BackupUnknown, ""}},
	}
}

func TestEveryTextIsAsReviewed(t *testing.T) { compareGolden(t, "texts", goldenTexts) }

func TestReasonsFitAfterAColon(t *testing.T) {
	inEachLanguage(t, func(t *testing.T) {
		reasons := join(messageReasons(), senderReasons(), pauseReasons(), []reason{why("WhyOpened", WhyOpened)}, healthReasons())
		for _, r := range reasons {
			t.Run(r.name, func(t *testing.T) {
				first, _, _ := strings.Cut(r.text, " ")
				begins := first == "I" || first == ServiceWazo || unicode.IsLower([]rune(first)[0])
				require.True(t, begins, "%q follows a colon", r.text)
				require.True(t, strings.HasSuffix(r.text, "."), "%q is followed by a sentence", r.text)
			})
		}
	})
}

// A reason is told in the room that it is about, but also in a direct chat, on Wazo and by the health check.
func TestReasonsAreUnderstoodOutsideTheRoom(t *testing.T) {
	for _, r := range join(messageReasons(), senderReasons(), pauseReasons(), []reason{why("WhyOpened", WhyOpened)}, healthReasons()) {
		require.NotContains(t, r.text, "this room", r.name)
	}
}

// People on Wazo can do nothing in the Matrix room, and have few commands.
func TestStatusOnWazoAsksNobodyForWhatTheyCannotDo(t *testing.T) {
	said := golden.StatusOnWazo(StatusOnWazo{Status: troubledStatus()})
	require.Contains(t, said, "open to strangers")
	require.NotContains(t, strings.ToLower(said), "please")
	require.NotContains(t, said, "!chat")
}

// A text that the golden file lacks is read by nobody before it is said.
func TestGoldenFileHasEveryText(t *testing.T) {
	var labels strings.Builder
	for line := range strings.Lines(goldenTexts() + convertedTexts() + pageTexts()) {
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
	silent := map[string]bool{
		"Escape": true, "Parts": true, "Compare": true, "Unescape": true, "New": true, "Why": true, "WhyWithoutMessage": true, "WaitNothing": true,
		"English": true, "French": true, "Languages": true, "Language": true, "In": true, "InEach": true, "Say": true, "IsSaidBy": true, "IsPartOf": true,
		"Minutes": true, "Hours": true, "Days": true,
	}
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
