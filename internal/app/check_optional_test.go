package app

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/wazoapi/wazotest"
)

const adminRoom = "!admins:a.example"

// haveRoom lets the bot have joined a room with this state. What is missing in the state is not there.
func (f *fixture) haveRoom(room string, state map[string]string) {
	f.homeserver.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		rest, ofRoom := strings.CutPrefix(r.URL.Path, "/_matrix/client/v3/rooms/"+room+"/state/")
		switch content := state[strings.TrimSuffix(rest, "/")]; {
		case strings.HasSuffix(r.URL.Path, "/joined_rooms"):
			fmt.Fprintf(w, `{"joined_rooms":["!other:a.example",%q]}`, room)
		case !ofRoom:
			return false
		case content == "":
			refuse(w, http.StatusNotFound, "M_NOT_FOUND")
		default:
			_, _ = io.WriteString(w, content)
		}
		return true
	})
}

func TestCheckOfTheAdminRoom(t *testing.T) {
	t.Parallel()
	state := func(changes map[string]string) map[string]string {
		all := map[string]string{
			"m.room.create":             `{"type":"m.room.create","state_key":"","sender":"@robin:a.example","content":{"room_version":"10","creator":"@robin:a.example"}}`,
			"m.room.power_levels":       `{"users":{"@robin:a.example":100},"events_default":0}`,
			"m.room.join_rules":         `{"join_rule":"invite"}`,
			"m.room.history_visibility": `{"history_visibility":"shared"}`,
			"m.room.encryption":         `{"algorithm":"m.megolm.v1.aes-sha2"}`,
		}
		for name, content := range changes {
			all[name] = content
		}
		return all
	}
	for _, test := range []struct {
		name    string
		prepare func(f *fixture)
		ok      bool
		says    string
	}{
		{"an encrypted room", func(f *fixture) { f.haveRoom(adminRoom, state(nil)) }, true, "ok: ADMIN_ROOM (!admins:a.example, encrypted)\n"},
		{
			"a room that is not encrypted", func(f *fixture) { f.haveRoom(adminRoom, state(map[string]string{"m.room.encryption": ""})) }, true,
			"ok: ADMIN_ROOM (!admins:a.example, not encrypted: the homeserver can read what the bot says there)",
		},
		{
			"a room that anybody may join",
			func(f *fixture) {
				f.haveRoom(adminRoom, state(map[string]string{"m.room.join_rules": `{"join_rule":"public"}`}))
			},
			true, "; strangers can read it: anybody may join)",
		},
		{
			"a room in which the bot is not", func(f *fixture) { f.haveRoom("!third:a.example", state(nil)) }, false,
			"error: the bot has not joined this room, so it cannot tell administrators of problems there\nhint: start the relay and invite the bot",
		},
		{
			"a room in which the bot may not speak",
			func(f *fixture) {
				f.haveRoom(adminRoom, state(map[string]string{"m.room.power_levels": `{"users":{"@robin:a.example":100},"events_default":50}`}))
			},
			false, "error: the bot may not send messages in this room\nhint: raise the bot's power level",
		},
		{
			"an encrypted room in which the bot may send only what is not encrypted",
			func(f *fixture) {
				f.haveRoom(adminRoom, state(map[string]string{"m.room.power_levels": `{"events":{"m.room.encrypted":50}}`}))
			},
			false, "error: the bot may not send messages in this room",
		},
		{
			"a homeserver that does not answer this",
			func(f *fixture) {
				f.homeserver.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
					asked := strings.HasSuffix(r.URL.Path, "/joined_rooms")
					if asked {
						refuse(w, http.StatusInternalServerError, "M_UNKNOWN")
					}
					return asked
				})
			},
			false, "failed: ADMIN_ROOM (!admins:a.example)\nerror: failed to ask which rooms the bot has joined",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.env["ADMIN_ROOM"] = adminRoom
			test.prepare(f)
			_, out := f.check()
			require.Equal(t, test.ok, out.err == nil, out.stdout)
			require.Contains(t, out.stdout, test.says)
		})
	}
}

func TestCheckOfTheSelfProbe(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		account wazotest.User
		minutes string
		says    string
	}{
		{"an account of a user", wazotest.User{}, "5", "ok: self-probe of Wazo\n"},
		{"an account without a presence", wazotest.User{Purpose: wazotest.PurposeExternalAPI}, "5", "skipped: self-probe of Wazo (the account has no presence, so"},
		{"an account that may not set its presence", wazotest.User{ACL: []string{"!chatd.users.me.presences.update"}}, "5", "skipped: self-probe of Wazo (the account lacks the permission chatd.users."},
		{"an account that may not read presences", wazotest.User{ACL: []string{"!chatd.users.*.presences.read"}}, "5", "skipped: self-probe of Wazo (the account lacks a permission, so"},
		{"it is switched off", wazotest.User{}, "0", "skipped: self-probe of Wazo (PROBE_MINUTES is 0, so"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			account := test.account
			account.Username, account.Password, account.Tenant = "probed", wazoPassword, f.account.Tenant
			f.wazo.AddUser(account)
			f.env["WAZO_USERNAME"], f.env["PROBE_MINUTES"] = "probed", test.minutes
			_, out := f.check()
			require.NoError(t, out.err, "it works without it: %s", out.stdout)
			require.Contains(t, out.stdout, test.says)
		})
	}
}

func TestThePublicAddressSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/relay"} {
		f := newFixture(t)
		f.env["LISTEN"] = freeAddress(t)
		f.env["PUBLIC_URL"] = "http://" + f.env["LISTEN"] + path
		stop := f.serve()
		f.awaitWell()
		status, body, err := get(t.Context(), f.env["PUBLIC_URL"]+"/")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, string(body), "a relay between Matrix and Wazo")
		status, _, err = get(t.Context(), f.env["PUBLIC_URL"]+"/other")
		require.NoError(t, err)
		require.Equal(t, http.StatusNotFound, status)
		require.NoError(t, stop().err)
	}
}
