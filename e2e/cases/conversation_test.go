package cases

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// chat is a Wazo room of which Robin's own Wazo account is a member. The relay account is one, too, so that it hears
// the room whether or not the accounts of people are listened to.
type chat struct {
	*fixture
	room        wazotest.Room
	own, author wazotest.User
	left        []id.RoomID // that Robin has left
}

func (s *fixture) newChat(name string, own wazotest.User) *chat {
	author := s.Hire("Alan", "Dale")
	return &chat{fixture: s, room: s.Wazo.CreateRoom(name, own, author, s.Cast.Relay), own: own, author: author}
}

// enter joins a room to which the bot has invited Robin, or invites Robin before ctx ends. It leaves out the rooms that
// Robin has left.
func (c *chat) enter(ctx context.Context) (id.RoomID, error) {
	for {
		room, err := c.Robin.WaitInvite(ctx, c.BotID())
		if err != nil {
			return "", err
		} else if !slices.Contains(c.left, room) {
			return room, c.Robin.Join(ctx, room)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// leave has Robin, who is alone with the bot, leave a room, and waits until the conversation is over.
func (c *chat) leave(t *testing.T, room id.RoomID) {
	t.Helper()
	c.left = append(c.left, room)
	require.NoError(t, c.Robin.Leave(c.ctx, room))
	require.Eventually(t, func() bool {
		log, err := os.ReadFile(c.Relay.LogFile())
		return err == nil && bytes.Count(log, []byte("A conversation is over")) == len(c.left)
	}, time.Minute, 20*time.Millisecond)
}

// invited waits until the bot invites Robin, and joins the room.
func (c *chat) invited(t *testing.T) id.RoomID {
	t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
	defer cancel()
	room, err := c.enter(ctx)
	require.NoError(t, err)
	return room
}

func (c *chat) post(text string) { c.Stage.Wazo.Post(c.room.UUID, c.author, text, "") }

// texts returns what the bot shows in a room, in order.
func (c *chat) texts(room id.RoomID) (texts []string) {
	for _, entry := range c.Robin.Timeline(room) {
		if content := entry.Content.AsMessage(); entry.Sender == c.BotID() && content != nil && content.Body != "" && entry.StateKey == nil {
			texts = append(texts, content.Body)
		}
	}
	return texts
}

// A person is invited to a conversation, sees its past and its messages, answers, leaves, is invited again, and mutes
// it.
func TestConversationOpensByItself(t *testing.T) {
	t.Parallel()
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprintf("encrypted %t", encrypted), func(t *testing.T) {
			t.Parallel()
			s := open(t, withMautrix(), stage.Config{Env: map[string]string{"ENCRYPT_ROOMS": fmt.Sprint(encrypted)}})
			p, own := s.ownPortal(t, encrypted)
			c := s.newChat("Merry Men", own)
			c.post("who is there?")
			c.post("nobody yet")
			p.logInByDialogue(t, own)

			c.post("now you are")
			room := c.invited(t)
			require.Equal(t, encrypted, s.waitBot(t, s.Robin, room, harness.Says("now you are")).Mautrix.WasEncrypted)
			past := s.waitBot(t, s.Robin, room, harness.Notice("who is there?")).Content.AsMessage().Body
			require.Contains(t, past, "Alan Dale (20")
			require.Contains(t, past, "nobody yet")
			require.Len(t, c.texts(room), 2, "the past in one notice, and the message")

			_, err := s.Robin.Send(s.ctx, room, "here I am")
			require.NoError(t, err)
			_, err = s.Wazo.WaitMessage(s.ctx, c.room.UUID, func(m wazotest.Message) bool { return m.UserUUID == own.UUID && m.Content == "here I am" })
			require.NoError(t, err)
			c.post("welcome")
			s.waitBot(t, s.Robin, room, harness.Says("welcome"))

			c.leave(t, room)
			c.post("still there?")
			again := c.invited(t)
			s.waitBot(t, s.Robin, again, harness.Says("still there?"))
			require.Contains(t, s.ask(t, s.Robin, again, "!wazo mute"), "I will not invite you")
			c.leave(t, again)
			c.post("gone?")
			p.requireTalkOf(t, own)
			ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second)
			defer cancel()
			_, err = c.enter(ctx)
			require.Error(t, err, "nobody is invited after mute")
		})
	}
}

// The conversation of two people is a direct chat for the app of the person.
func TestConversationOfTwoIsADirectChat(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	p, own := s.ownPortal(t, false)
	require.Contains(t, p.ask(t, s.Robin, p.Matrix, "!wazo map "+s.Robin.UserID().String()+" "+own.UUID), "is now mapped")
	c := &chat{fixture: s, room: s.Wazo.CreateRoom("", own, s.Cast.Relay), own: own, author: own}
	c.post("note to the relay")
	room := c.invited(t)
	invite, err := s.Robin.WaitEvent(s.ctx, room, harness.Membership(s.Robin.UserID(), event.MembershipInvite))
	require.NoError(t, err)
	require.Equal(t, true, invite.Content.Raw["is_direct"])
	s.waitBot(t, s.Robin, room, harness.Says("note to the relay"))
}

// The relay is killed when the homeserver has made the room of a conversation and the relay does not know of it.
func TestKilledRelayMakesNoSecondRoom(t *testing.T) {
	t.Parallel()
	s, between := openBehindProxy(t, withMautrix())
	p, own := s.ownPortal(t, false)
	c := s.newChat("Merry Men", own)
	require.Contains(t, p.ask(t, s.Robin, p.Matrix, "!wazo map "+s.Robin.UserID().String()+" "+own.UUID), "is now mapped")
	var requests atomic.Int32
	made := make(chan struct{})
	between.change(func() {
		between.instead = func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/createRoom") || requests.Add(1) > 1 {
				return false
			}
			body, err := io.ReadAll(r.Body)
			if err == nil {
				var request *http.Request
				request, err = http.NewRequestWithContext(s.ctx, r.Method, s.Homeserver.URL()+r.URL.Path, bytes.NewReader(body))
				if err == nil {
					request.Header = r.Header.Clone()
					var resp *http.Response
					if resp, err = http.DefaultClient.Do(request); err == nil {
						err = resp.Body.Close()
					}
				}
			}
			if err != nil {
				t.Errorf("failed to make the room: %v", err)
			}
			close(made)
			panic(http.ErrAbortHandler)
		}
	})
	c.post("hello")
	select {
	case <-made:
	case <-s.ctx.Done():
		require.NoError(t, s.ctx.Err())
	}
	s.Relay.Kill()
	require.NoError(t, s.Relay.Restart(s.ctx))
	room := c.invited(t)
	s.waitBot(t, s.Robin, room, harness.Says("hello"))
	require.EqualValues(t, 1, requests.Load(), "the room is recognized, and no second one is made")
}

// A person chooses which conversations open by themselves.
func TestPersonChoosesWhatOpens(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), withPage(t))
	own, author := s.Hire("Robin", "Hood"), s.Hire("Alan", "Dale")
	group, direct := s.Wazo.CreateRoom("Group", own, author, s.Cast.Alice), s.Wazo.CreateRoom("", own, author)
	room := s.invite(t, s.Robin, harness.RoomOptions{})
	require.NoError(t, s.LogIn(s.ctx, s.Robin, room, own))
	notice, err := s.Robin.WaitInvite(s.ctx, s.BotID())
	require.NoError(t, err)
	require.NoError(t, s.Robin.Join(s.ctx, notice))

	require.Contains(t, s.ask(t, s.Robin, room, "!wazo auto direct"), "one other person")
	s.Wazo.Post(group.UUID, author, "opens nothing", "")
	s.Wazo.Post(direct.UUID, author, "opens a direct chat", "")
	c := &chat{fixture: s}
	s.waitBot(t, s.Robin, c.invited(t), harness.Says("opens a direct chat"))

	require.NotEmpty(t, s.ask(t, s.Robin, room, "!wazo auto on"))
	s.Wazo.Post(group.UUID, author, "opens the group", "")
	opened := c.invited(t)
	s.waitBot(t, s.Robin, opened, harness.Says("opens the group"))
	s.waitBot(t, s.Robin, opened, harness.Notice("opens nothing")) // as the past
}
