// Package harness runs the real things that the end-to-end tests, the demo and
// the benchmark need: a homeserver (Dendrite, built from source), Matrix people
// (clients without encryption, with that of mautrix, or with matrix-js-sdk and
// its Rust crypto) and the relay itself as a process.
//
// Everything listens on loopback only, keeps its files in one temporary
// directory (in memory where the system has such a place) and ends with the
// process that started it, even when that process is killed.
//
// The usual shape of a test package that uses it:
//
//	var (
//		homeserver *harness.Dendrite
//		js         *harness.JSHost
//	)
//
//	func TestMain(m *testing.M) {
//		os.Exit(harness.Main(m, func(hs *harness.Dendrite, host *harness.JSHost) { homeserver, js = hs, host }))
//	}
//
//	func TestSomething(t *testing.T) {
//		w := harness.NewWorld(t, homeserver)
//		alice := w.Person("alice", harness.Encrypted)
//		bob := w.JSPerson(js, "bob", harness.OnlySignedDevices)
//		…
//	}
//
// Dendrite is licensed under the AGPL: it is only built and run as a program of
// its own, never linked into anything here.
package harness
