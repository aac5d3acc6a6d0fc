// Package harness runs the processes that the whole-program tests, the demo and
// the benchmark need: a homeserver (Dendrite, built from source, or Synapse), Matrix
// people, and the relay. A person's client is mautrix, with or without encryption, or
// matrix-js-sdk with its Rust crypto.
//
// Everything listens on loopback only and keeps its files in one temporary
// directory (in memory where the system has such a place). Every process ends
// with the one that started it, even when that one is killed.
//
// The usual shape of a test package that uses it:
//
//	var (
//		homeserver *harness.Homeserver
//		js         *harness.JSHost
//	)
//
//	func TestMain(m *testing.M) {
//		os.Exit(harness.Main(m, func(hs *harness.Homeserver, host *harness.JSHost) { homeserver, js = hs, host }))
//	}
//
//	func TestSomething(t *testing.T) {
//		w := harness.NewFixture(t, homeserver)
//		alice := w.Person("alice", harness.Encrypted)
//		bob := w.JSPerson(js, "bob", harness.OnlySignedDevices)
//		…
//	}
//
// Dendrite and Synapse are licensed under the AGPL: they are only run as programs of
// their own, never linked into anything here.
package harness
