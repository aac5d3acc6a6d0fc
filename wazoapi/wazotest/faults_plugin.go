package wazotest

import "time"

// RefuseRelation answers an attempt to add or remove a reaction, or to mark a
// reply, with a, and changes nothing. Several requests at the same moment have
// this outcome with 500, [JSONError].
func (f *Faults) RefuseRelation(a Answer, when When) *Fault {
	return f.add(&Fault{kind: refuseRelation, when: when, answer: a})
}

// RelationPublishFails adds or removes a reaction, or marks a reply, publishes no
// event, and answers 500: what the plugin does when RabbitMQ is away
// (docs/wazo.md, "Unknown outcomes of the plugin"). It applies to [Server.React],
// [Server.Unreact] and [Server.MarkReply] too.
func (f *Faults) RelationPublishFails(when When) *Fault {
	return f.add(&Fault{kind: relationNoPublish, when: when})
}

// NoRelationEvent stores a change of a reaction or a reply and answers as if
// nothing was wrong, but its events are lost. It applies to [Server.React],
// [Server.Unreact] and [Server.MarkReply] too.
func (f *Faults) NoRelationEvent(when When) *Fault {
	return f.add(&Fault{kind: noRelationEvent, when: when})
}

// CutRelation stores and publishes a change of a reaction or a reply and closes
// the connection instead of answering.
func (f *Faults) CutRelation(when When) *Fault {
	return f.add(&Fault{kind: cutRelation, when: when})
}

// LateRelation stores and publishes a change of a reaction or a reply and answers
// d later.
func (f *Faults) LateRelation(d time.Duration, when When) *Fault {
	return f.add(&Fault{kind: lateRelation, when: when, delay: d})
}

// NoPluginTables takes the tables of the plugin out of the database: what needs
// them is answered by 500, while messages and rooms work
// (docs/wazo.md, "How the plugin is noticed").
func (f *Faults) NoPluginTables() *Fault { return f.add(&Fault{kind: noPluginTables}) }
