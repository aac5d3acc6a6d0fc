// Package chaos tests that no message is lost, duplicated or reordered while
// everything around the relay fails. People talk in several rooms, plain and
// encrypted, on both sides at once. On Matrix they also answer, edit and redact messages
// and react to them. Two of them have logged in with own accounts on
// Wazo, and also write in Wazo's app. Conversations on Wazo begin, and the bot makes
// rooms for them. Whoever reads one of these for the relay logs out and in again.
// Meanwhile the relay is killed again and
// again, both servers restart, and a proxy between the relay and each server
// delays, cuts, swallows and replaces answers. At the end the package compares
// what people said with what arrived, as the two servers have it. It does not judge
// by the relay's database, and asks that only who reads a conversation.
//
//	run.go      the whole run                killer.go   when and at what the relay is killed
//	fixture.go  the rooms and their people   keeper.go   the relay's process
//	talk.go     who says what, and when      outages.go  whole services go away
//	                                         database.go a PostgreSQL server goes away
//	relations.go  what else people do with messages on Matrix
//	ledger.go   what they have done so far   shaken.go   what an older database makes uncertain
//	logins.go   who posts with an own account on Wazo
//	conversations.go  places that open by themselves, and their second rooms
//	made.go     which rooms were made for them
//	readers.go  who reads a conversation logs out
//	proxy.go    between relay and server     posts.go    faults of one message on Wazo
//	classes.go  what a request is for        deck.go     seeded choices
//	kinds.go    what the proxy can do        tally.go    how often each fault fired
//	gaps.go     what /sync leaves out        result.go   what is printed, and the judgement
//	read.go     what both servers have       compare.go  lost, duplicated, reordered
//	lines.go    what a line on Wazo says     expect.go   which lines there must be
//	plugin.go   what people on Wazo do with the plugin for reactions and replies, which
//	            comes and goes
//	native.go   what the plugin has, against what is on Matrix
//	expect_native.go  which reactions there must be on Wazo
//
//	phones.go   text messages to and from telephones outside Wazo
//	phone_faults.go  what becomes of them behind chatd
//	judge_phone.go   that each was sent and paid for once, and what was told of failures
//
// Without Config.SMS, nobody writes text messages. Without Config.Plugin, Wazo has no plugin for reactions and replies.
//
// The relay is built with the tag "chaos". With this tag its waiting times can be
// shortened, and parts of its protection can be switched off, which tests this
// package.
//
// The same seed does not repeat a run exactly. It decides who says what and in
// which order the faults come, but not the timing of the processes.
package chaos
