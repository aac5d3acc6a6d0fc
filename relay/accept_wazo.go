package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/command"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// acceptMessages stores messages of Wazo, heard live or read from history, in one transaction. It drops what is known,
// what belongs to no portal, what other tenants say and what the relay account itself wrote. With findOrphans, messages
// of the relay account that are not known here are kept as orphans. It returns how many messages were new. An error
// means that nothing is stored.
func (r *reader) acceptMessages(ctx context.Context, messages []wazoapi.Message, findOrphans bool) (added int, err error) {
	if messages, err = r.withoutOwn(ctx, messages, findOrphans); err != nil || len(messages) == 0 {
		return 0, err
	}
	commands, err := r.memberCommands(ctx, messages)
	if err != nil {
		return 0, err
	}
	a := wazoAccept{
		Relay: r.Relay, acc: r.acc, findOrphans: findOrphans, commands: commands, unlinkers: make(map[wazoapi.UUID]string),
		portals: make(map[wazoapi.UUID]*db.Portal),
	}
	for _, m := range messages {
		if typed, ok := commands[m.UUID]; ok && endsLink(typed) {
			a.unlinkers[m.UUID] = r.profileName(ctx, m)
		}
	}
	err = r.db.DoTxnWithoutSync(ctx, func(ctx context.Context) error { // they are in the history
		for _, m := range messages {
			if err := a.message(ctx, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("failed to accept messages of Wazo: %w", err)
	}
	for _, portal := range a.portals {
		if portal != nil {
			r.tasks.Wake(portalJob(jobToMatrix, portal.ID))
		}
	}
	for _, portal := range a.ended {
		r.sayGoodbye(portal)
	}
	return a.added, nil
}

// withoutOwn returns some messages without those of which nothing is stored because the relay account wrote them, so
// that most of what the relay posts costs no transaction when it is heard.
func (r *reader) withoutOwn(ctx context.Context, messages []wazoapi.Message, findOrphans bool) (others []wazoapi.Message, err error) {
	if findOrphans {
		return messages, nil
	}
	for _, m := range messages {
		if r.accounts.isRelay(m.UserUUID) {
			portal, err := r.db.Portal.ByWazoRoom(ctx, string(m.Room))
			if err != nil {
				return nil, err
			} else if m.Alias == "" || portal == nil || !isPast(portal, m.CreatedAt.UnixMicro()) {
				continue
			}
		}
		others = append(others, m)
	}
	return others, nil
}

// wazoAccept is the acceptance of some messages.
type wazoAccept struct {
	*Relay
	acc         *account
	findOrphans bool
	commands    map[wazoapi.UUID]command.Command // by the message of a member
	unlinkers   map[wazoapi.UUID]string          // names of those who end a link, by message
	portals     map[wazoapi.UUID]*db.Portal      // by Wazo room, nil if it has none
	added       int
	ended       []*db.Portal
}

func (a *wazoAccept) message(ctx context.Context, m wazoapi.Message) (err error) {
	own := a.accounts.isRelay(m.UserUUID)
	if own && !a.findOrphans && m.Alias == "" || string(m.TenantUUID) != a.acc.row.TenantUUID {
		return nil
	}
	portal, known := a.portals[m.Room]
	if !known {
		if portal, err = a.db.Portal.ByWazoRoom(ctx, string(m.Room)); err != nil {
			return err
		}
		a.portals[m.Room] = portal
	}
	switch typed, isCommand := a.commands[m.UUID]; {
	case portal == nil:
		return nil
	case own && !isPast(portal, m.CreatedAt.UnixMicro()):
		if a.findOrphans {
			return a.orphan(ctx, portal, m)
		}
		return nil
	case own && m.Alias == "":
		return nil // the relay itself said it
	case isCommand && !portal.IsOpened():
		return a.command(ctx, portal, m, typed)
	}
	isNew, err := a.acceptInPortal(ctx, portal, m)
	if err != nil || !isNew {
		return err
	}
	a.added++
	if portal.IsOpened() && !isPast(portal, m.CreatedAt.UnixMicro()) {
		return a.conversations.oweAgain(ctx, portal, m.UserUUID)
	}
	return nil
}

// orphan keeps a message of the relay account that nothing here knows of.
func (a *wazoAccept) orphan(ctx context.Context, portal *db.Portal, m wazoapi.Message) error {
	if portal.StartedOnWazo.IsZero() || !m.CreatedAt.After(portal.StartedOnWazo.Time) {
		return nil
	}
	if known, err := a.db.Message.KnowsUUID(ctx, portal.ID, string(m.UUID)); err != nil || known {
		return err
	}
	// The posts of a portal come one after the other: what is older than the newest one known here is known to this
	// database.
	if newest, err := a.db.Message.NewestToWazo(ctx, portal.ID); err != nil || !m.CreatedAt.After(newest.Time) {
		return err
	}
	return a.db.Orphan.Insert(ctx, &db.Orphan{
		PortalID: portal.ID, WazoUUID: string(m.UUID), Alias: m.Alias, Content: convert.WithoutQuote(m.Content), CreatedAt: jsontime.UMicro(m.CreatedAt),
	})
}

// acceptInPortal stores one message of a portal's room. It reports whether it was new.
func (a *wazoAccept) acceptInPortal(ctx context.Context, portal *db.Portal, m wazoapi.Message) (bool, error) {
	if !portal.StartedOnWazo.IsZero() && !m.CreatedAt.After(portal.StartedOnWazo.Time) {
		return false, nil // older than the link
	}
	if known, err := a.db.Message.KnowsUUID(ctx, portal.ID, string(m.UUID)); err != nil || known && !sabotaged("dedupe") {
		return false, err
	}
	if a.isPastCommand(portal, m) {
		return true, a.recordHidden(ctx, portal, m)
	}
	payload, err := json.Marshal(m)
	if err != nil {
		return false, fmt.Errorf("failed to store message %s: %w", m.UUID, err)
	}
	if err = a.noteOwnNumber(ctx, portal, m); err != nil {
		return false, err
	}
	row := &db.Row{
		PortalID: portal.ID, Direction: db.ToMatrix, Kind: db.KindMessage, SourceID: string(m.UUID), Author: string(m.UserUUID),
		Position: m.CreatedAt.UnixMicro(), Payload: string(payload), State: db.StateNew, AcceptedAt: jsontime.UM(time.Now()),
	}
	added, err := a.db.Queue.Insert(ctx, row)
	if added {
		a.counts.accepted(ctx, row)
	}
	return added, err
}

// withoutPortal notes that somebody wrote to an account in a room without portal. The message opens a conversation if
// there is somebody to invite to it. Otherwise the people on Wazo are told once what to do, if the relay account is one
// of them.
func (r *reader) withoutPortal(ctx context.Context, m wazoapi.Message) error {
	if commands, err := r.memberCommands(ctx, []wazoapi.Message{m}); err != nil {
		return err
	} else if len(commands) == 0 {
		if opens, err := r.opens(ctx, m); err != nil || opens {
			return err
		}
	}
	if r.acc != r.account {
		return nil
	}
	return r.wantExplanation(ctx, m)
}

// opens notes that a message opens a conversation. It reports false if it does not. The account may hear the message
// for others, who are members of the room. One of them that fails stops nobody: it looks for what it has missed.
func (r *reader) opens(ctx context.Context, m wazoapi.Message) (bool, error) {
	opens, err := r.openings.want(ctx, r.acc, m)
	if err != nil || opens || !r.readers.mayHearAll(r.acc) {
		return opens, err
	}
	for _, acc := range r.accounts.inUse() {
		if acc == r.acc || acc.stream() != r.acc.stream() || !acc.mayBeIn(m.Room) {
			continue
		} else if opens, err = r.openings.want(ctx, acc, m); err == nil && opens {
			return true, nil
		} else if err != nil {
			r.log.Warn().Err(err).Stringer("matrix_user", acc.row.MatrixUser).Msg("Failed to find out whether a message opens a conversation")
			r.tasks.Wake(accountJob(jobProbe, acc))
		}
	}
	return false, nil
}

// wantExplanation notes that somebody wrote to the relay account in a room without portal, so that they are told once
// what to do. Nothing is noted of rooms of which the relay account hears without being a member.
func (r *reader) wantExplanation(ctx context.Context, m wazoapi.Message) error {
	if r.acc != r.account || m.UserUUID == r.acc.uuid() || string(m.TenantUUID) != r.acc.row.TenantUUID {
		return nil
	} else if _, isMember, err := r.acc.heardRoom(ctx, m.Room); err != nil || !isMember {
		return err
	}
	if commands, err := r.memberCommands(ctx, []wazoapi.Message{m}); err != nil {
		return err
	} else if len(commands) > 0 {
		return r.explainAsked(ctx, m)
	}
	if _, err := r.db.Explanation.Want(ctx, string(m.Room)); err != nil {
		return err
	}
	r.tasks.Wake(job{kind: jobExplain})
	return nil
}

// explainAsked has a command answered in a room without portal. The answer explains what to do, which is then not said
// again by itself.
func (r *reader) explainAsked(ctx context.Context, m wazoapi.Message) error {
	if room, _, err := r.account.room(ctx, m.Room); err != nil || room.HasIdentities() {
		return err
	}
	return r.db.DoTxn(ctx, func(ctx context.Context) error {
		if _, err := r.db.Explanation.Want(ctx, string(m.Room)); err != nil {
			return err
		} else if _, err = r.db.Explanation.Claim(ctx, string(m.Room)); err != nil {
			return err
		}
		return r.storeWazoCommand(ctx, m)
	})
}

// explain gives the explanations that are owed.
func (r *Relay) explain(ctx context.Context) error {
	rooms, err := r.db.Explanation.Pending(ctx)
	if err != nil || r.account == nil {
		return err
	}
	for _, uuid := range rooms {
		room, member, err := r.account.room(ctx, wazoapi.UUID(uuid))
		if err != nil {
			return err
		}
		portal, err := r.db.Portal.ByWazoRoom(ctx, uuid)
		if err != nil {
			return err
		}
		// Claimed before it is posted: twice would be worse than never.
		if claimed, err := r.db.Explanation.Claim(ctx, uuid); err != nil {
			return err
		} else if !claimed || !member || portal != nil || room.HasIdentities() {
			continue
		}
		if _, err = r.account.api.PostMessage(ctx, room.UUID, wazoapi.Draft{Content: r.texts.Explanation(r.matrix.UserID().String())}); err != nil {
			r.log.Err(err).Stringer("wazo_room", room.UUID).Msg("Failed to explain that a room has no portal")
		}
	}
	return nil
}
