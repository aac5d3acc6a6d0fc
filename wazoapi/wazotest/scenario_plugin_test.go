package wazotest

import (
	"strings"
	"time"
)

// The rooms and messages that the recordings of the plugin speak of, and that
// were made outside them.
const (
	pluginRoom    = "21e6d371-243f-4894-8143-e8ab0c5f87d1" // alice, bob and carol
	serviceRoom   = "13f96a0f-37fc-4404-bdd7-61c7e45852ed" // svc-ext, alice and bob
	helloMessage  = "ecc32a92-a5c6-41a3-8e28-f79073535be8"
	serviceParent = "fd0b0252-240c-4f00-8979-634d73dda340"
	lostParent    = "f90a6b68-6986-425b-81e1-bbfd3f894f08"
)

// pluginScenarios are in the order in which they were recorded.
func pluginScenarios() []scenario {
	clear := func(r *replay) { r.server.Faults().Clear() }
	return []scenario{
		{file: "plugin-01-reactions", setup: func(r *replay) {
			r.server.SetPlugin(true)
			alice, bob, carol := r.users["alice"], r.users["bob"], r.users["carol"]
			r.bind(pluginRoom, r.server.CreateDuplicateRoom("", alice, carol, bob).UUID)
			r.bind(serviceRoom, r.server.CreateDuplicateRoom("", alice, r.users["svc_ext"], bob).UUID)
			r.fill(pluginRoom, 2)
			r.postAs(helloMessage, pluginRoom, "alice", "Hello from alice")
			r.postAs("6ffeb6d7-7485-4f70-abf0-bc7cc52f860c", pluginRoom, "bob", "Hi from bob")
			r.postAs(serviceParent, serviceRoom, "alice", "for the service")
		}},
		{file: "plugin-02-replies", setup: func(r *replay) {
			r.postAs("9c3a73e0-df36-45e1-98f9-8c350b35eec5", pluginRoom, "bob", "reply 1")
			r.postAs("954f506d-e271-4cd6-ba42-6ae5dd80f0a4", pluginRoom, "carol", "reply 2")
			r.postAs("9ca089e8-17a1-4a53-8e27-1167748e35b2", pluginRoom, "alice", "reply to a reply")
			r.postAs("3444691d-52c9-4e07-b6c5-cb7b7e28de37", pluginRoom, "alice", "not a reply")
			r.postAs("8845f0b7-b1cc-46f7-a55f-d93c756fc93d", pluginRoom, "alice", strings.Repeat("é", 250)+" end")
			r.postAs("5e51d796-9374-452f-b2ac-c8e15e55d792", pluginRoom, "bob", "reply to long")
			r.postAs("1028d793-cf3a-4b10-9839-89bcf4579287", serviceRoom, "svc_ext", "an answer")
		}},
		{file: "plugin-03-events"},
		{file: "plugin-05-limits", setup: preparePluginLimits, before: map[int]func(*replay){
			9:  func(r *replay) { r.server.Faults().NoPluginTables() },
			13: clear,
			14: func(r *replay) { r.server.Faults().BusLost() },
			18: clear,
		}},
		{file: "plugin-04-absent", setup: func(r *replay) { r.server.SetPlugin(false) }},
		{file: "plugin-04b-installed-not-enabled"},
	}
}

// preparePluginLimits makes what was made between the recorded requests: of all
// reactions to the first message only one is left, and an answer has lost its
// parent.
func preparePluginLimits(r *replay) {
	room := r.ours(pluginRoom)
	for _, x := range r.server.Reactions(room) {
		for _, u := range []User{r.users["bob"], r.users["carol"]} {
			if x.MessageUUID == helloMessage && x.UserUUID == u.UUID {
				r.server.Unreact(room, x.MessageUUID, u, x.Emoji)
			}
		}
	}
	const child, empty = "543ce29a-3af6-4717-b241-a044275e4f81", "1dc50d1a-2bc4-480d-b9cf-55442375c99c"
	r.fill(pluginRoom, 12)
	r.postAs(lostParent, pluginRoom, "alice", "parent that goes away")
	r.postAs(child, pluginRoom, "bob", "reply to it")
	r.server.MarkReply(room, child, lostParent, r.users["bob"])
	r.server.React(room, lostParent, r.users["bob"], "👍")
	r.server.DeleteMessage(room, lostParent)
	r.postAs(empty, pluginRoom, "alice", "")
	r.postAs("c64add48-d265-4dbf-90dc-2d81a081e44d", pluginRoom, "bob", "reply to nothing")
	r.postAs("82ef9553-9213-4f9a-97f5-19ea19264f33", pluginRoom, "bob", "nul check")
}

// postAs posts a message that has its recorded uuid here, too, so that lists that
// are sorted by uuid have their recorded order.
func (r *replay) postAs(uuid, recordedRoom, author, content string) {
	r.clock.Advance(time.Millisecond)
	room := r.server.room(r.ours(recordedRoom))
	m := &Message{
		UUID: uuid, RoomUUID: room.uuid, UserUUID: r.users[author].UUID, TenantUUID: room.tenant,
		Content: content, CreatedAt: r.server.now(),
	}
	r.bind(uuid, uuid)
	r.server.commit(room, posting{message: m, committed: make(chan struct{})})
}
