package wazotest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// customer is the room of alice and the number that most recordings of connectors
// speak of.
const customer = "bb02bf9c-17a1-40c6-885d-f4913e89725d"

// newConnectorReplay starts a simulator with the accounts of the recordings of
// connectors, which were made on another server than the others. The tenant has its
// recorded uuid, of which chatd makes those of participants outside.
func newConnectorReplay(t *testing.T) *replay {
	return startReplay(t, time.Date(2026, 11, 26, 13, 7, 3, 0, time.UTC), func(s *Server) map[string]User {
		acme, globex := s.addTenantAs("dda9e115-ba40-49c7-8060-44c215c47c0c", "acme"), s.AddTenant("globex")
		users := map[string]User{}
		for name, u := range map[string]User{
			"alice":   {UUID: "044c4cfc-eb65-48b5-a5e1-f096b0afbfca"},
			"bob":     {UUID: "13846b0c-3c33-4e12-b67c-5ae47bc9eca3"},
			"carol":   {UUID: "a72fdb70-6333-49d2-b46a-a4eecad13d47"},
			"dave":    {UUID: "ecfa3fea-820a-456a-af97-668dff34c7ac"},
			"tadmin":  {Admin: true},
			"svc_ext": {UUID: "96338049-7437-40bc-af96-2242d5adad20", Purpose: PurposeExternalAPI, ACL: []string{}},
			"zoe":     {UUID: "fefc482a-185f-43c3-ad95-1913766d427f", Tenant: globex},
		} {
			u.Username, u.Password = name, "password"
			if u.Tenant.UUID == "" {
				u.Tenant = acme
			}
			users[name] = s.AddUser(u)
		}
		s.SetSMS(true)
		s.SMS().SetNumbers("+15145550101", "+15145550102", "+15145550105")
		return users
	})
}

// connectorScenarios are in the order in which they were recorded. 06 and 07 were
// recorded at the same time; here 06 comes after it.
func connectorScenarios() []scenario {
	var refused time.Time // when the message was posted that 06 is about
	until := func(r *replay, t time.Time) { r.clock.Advance(t.Sub(r.clock.Now())) }
	atOnce := func(n int) func(*replay) {
		return func(r *replay) { r.server.Faults().AtOnce(Times(n)) }
	}
	clear := func(r *replay) { r.server.Faults().Clear() }
	return []scenario{
		{file: "connectors-01-identities"},
		{file: "connectors-02-rooms"},
		{file: "connectors-03-post", mixed: spans([2]int{111, 136}), before: map[int]func(*replay){
			87: func(r *replay) { r.server.Faults().RefuseSMS(time.Second, Always().Saying("please-limit")) },
			98: func(r *replay) {
				refused = r.base.Add(10856400 * time.Microsecond)
				r.server.Faults().RefuseSMS(0, Always().Saying("please-break"))
			},
			115: func(r *replay) { r.server.Faults().EarlyStatus(Times(1)) },
		}},
		{file: "connectors-04-inbound"},
		{file: "connectors-05-event-order", setup: func(r *replay) {
			for n := range 60 {
				r.clock.Advance(40 * time.Millisecond)
				r.server.PostSMS(r.ours(customer), r.server.Identities(r.users["alice"])[0], fmt.Sprintf("order %d", n))
			}
		}},
		{
			file: "connectors-07-races", mixed: spans([2]int{36, 42}, [2]int{98, 102}), setup: func(r *replay) { until(r, refused.Add(31*time.Second)) },
			before: map[int]func(*replay){27: atOnce(1), 28: clearAtOnce, 34: atOnce(2), 36: clearAtOnce, 93: atOnce(4), 98: clearAtOnce},
		},
		{file: "connectors-06-retries", setup: func(r *replay) {
			r.server.Faults().RefuseSMS(0, Always().Saying("please-break"))
			until(r, refused.Add(48500*time.Millisecond))
		}},
		{file: "connectors-08-lost", before: map[int]func(*replay){
			60: func(r *replay) { r.server.Faults().RefuseSMS(0, Always().Saying("please-break")) },
			64: func(r *replay) { clear(r); r.server.RestartChatd() },
			71: func(r *replay) { r.server.SetSMS(false) },
		}},
		{
			file: "connectors-09-rabbitmq-down", setup: func(r *replay) { r.server.SetSMS(true) },
			before: map[int]func(*replay){0: func(r *replay) { r.server.Faults().BusLost() }, 6: clear},
		},
	}
}

// inOrder tells whether all entries of a recording are in the order of their times.
// Elsewhere an event may stand before the request that causes it.
func (sc scenario) inOrder() bool { return strings.HasPrefix(sc.file, "connectors-") }

// clearAtOnce ends the fault, and leaves the refusals of the provider on.
func clearAtOnce(r *replay) {
	r.server.Faults().Clear()
	r.server.Faults().RefuseSMS(0, Always().Saying("please-break"))
}

// spans returns the indexes from the first to the last of each pair.
func spans(pairs ...[2]int) map[int]bool {
	set := map[int]bool{}
	for _, pair := range pairs {
		for i := pair[0]; i <= pair[1]; i++ {
			set[i] = true
		}
	}
	return set
}

// smsID matches the ids that the recorded provider gave to the text messages that it
// took.
var smsID = regexp.MustCompile(`SM[0-9a-f]{12}`)

// withSMS rewrites the ids of a callback. Each speaks of the last text message that
// was taken when it comes first.
func (r *replay) withSMS(body string) string {
	return smsID.ReplaceAllStringFunc(body, func(recorded string) string {
		if sent := r.server.SMS().Sent(); r.smsIDs[recorded] == "" && len(sent) > 0 {
			r.smsIDs[recorded] = sent[len(sent)-1].ID
		}
		return r.smsIDs[recorded]
	})
}

// logInFor logs in for a label with a story: "alice-sms" may see her identities.
func (r *replay) logInFor(label, user string, lifetime int) string {
	if !strings.HasSuffix(label, "-sms") {
		return r.logIn(user, lifetime)
	}
	u := r.users[user]
	r.server.SetACL(u, append(DefaultUserPolicy(), IdentityPolicy()...))
	defer r.server.SetACL(u, u.ACL)
	return r.logIn(user, lifetime)
}

// longTextMessage returns the body of a callback whose text was cut in the
// recording, or nil.
func longTextMessage(recorded []byte) []byte {
	var body struct {
		Kind, ID, From, To string
		Text               struct {
			Start  string `json:"$truncated_string"`
			Length int    `json:"$length"`
		}
	}
	if json.Unmarshal(recorded, &body) != nil || body.Text.Length == 0 {
		return nil
	}
	return fmt.Appendf(nil, `{"kind": %q, "id": %q, "from": %q, "to": %q, "text": %q}`,
		body.Kind, body.ID, body.From, body.To, strings.Repeat(body.Text.Start[:1], body.Text.Length))
}
