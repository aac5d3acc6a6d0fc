// Package chaos proves that the relay loses nothing, doubles nothing and keeps
// order while everything around it fails: it has people talk in several rooms,
// plain and encrypted, on both sides at once, kills the relay again and again,
// and stands between it and its two servers as a proxy that delays, cuts,
// swallows and replaces answers. Then it compares what people said with what
// arrived, as both servers have it; the relay's database is never looked at.
//
//	run.go      the whole run                killer.go   when and at what the relay is killed
//	scene.go    the rooms and their people   keeper.go   the relay's process
//	talk.go     who says what, and when      outages.go  whole services go away
//	proxy.go    between relay and server     posts.go    faults of one message on Wazo
//	classes.go  what a request is for        deck.go     seeded choices
//	kinds.go    what the proxy can do        tally.go    how often each fault fired
//	gaps.go     what /sync leaves out        result.go   what is printed, and the judgement
//	read.go     what both servers have       compare.go  lost, doubled, reordered
//
// The relay is built with the tag "chaos", in which its waiting times can be
// shortened and, to test this package, parts of its protection switched off.
//
// A run is not repeated exactly by its seed: the seed decides who says what and
// which faults come in which order, the processes' timing does not obey it.
package chaos
