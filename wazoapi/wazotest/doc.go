// Package wazotest is a faithful in-memory Wazo Platform for tests and the
// demo: wazo-auth, wazo-chatd, wazo-dird, wazo-confd (two routes of it),
// wazo-websocketd and wazo-webhookd behind their nginx, at version 26.08.
//
// It speaks real HTTP and WebSocket under the public prefixes
// (docs/wazo.md, "Service addresses") and answers like the recordings of the
// real services do; contract_test.go replays those recordings against it. It
// shares no code with package wazoapi: a mistake made once must not cancel
// itself out.
//
//	wazo := wazotest.New()
//	if err := wazo.Start("127.0.0.1:0"); err != nil { … }
//	defer wazo.Stop()
//	acme := wazo.AddTenant("acme")
//	alice := wazo.AddUser(wazotest.User{Username: "alice", Password: "secret", Tenant: acme})
//	bob := wazo.AddUser(wazotest.User{Username: "bob", Password: "secret", Tenant: acme})
//	room := wazo.CreateRoom("Project X", alice, bob)
//	wazo.Post(room.UUID, bob, "hello", "")
//	message, err := wazo.WaitMessage(ctx, room.UUID, func(m wazotest.Message) bool { … })
//
// State outlives [Server.Stop]: starting again on the same address is "Wazo was
// restarted". [Server.Faults] makes it misbehave in the ways that were seen, or
// must be expected, on real servers. Every wait goes through a [Clock], so
// a test with a [ManualClock] never sleeps.
//
// The plugin for reactions and replies is not part of Wazo. [WithPlugin] installs
// it, and [Server.SetPlugin] makes it come and go while the server runs.
//
// Nor is a backend that reaches people outside Wazo. [WithSMS] switches a pretend one
// on, [Server.AddNumber] gives an account a number, and [Server.SMS] is the provider
// behind it: it shows what was sent, sends what comes in, and reports.
//
// It does not simulate webhookd's logs, administration over HTTP but for identities,
// LDAP and SAML, versions older than 26.08, and nginx's rate limit for unauthenticated
// resources. Another service is one more file that appends its routes to
// Server.services and, if it wants events, listens on the bus.
package wazotest
