package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// account is a Wazo account that the relay holds a token for, with what is known of its rooms and of what it has read.
type account struct {
	row *db.Account
	api *wazoapi.Account

	own       stream                 // the account's own connection for events
	shared    atomic.Pointer[stream] // the connection of the relay account, if this one has none of its own because of that
	probeTime atomic.Int64           // ns, how long the last look for news took
	checkedAt atomicTime             // when it was last asked whether Wazo still accepts the log-in
	looked    atomic.Bool            // it has looked for news since the start, or tried to
	lateLook  atomic.Uint64          // the last connection in which a second look for news was planned, see lookForLate
	refused   atomic.Bool            // Wazo does not accept the log-in any more; never the relay account's

	listing singleflight.Group // of listRoomsOnce

	mu       sync.Mutex
	reads    map[int64]portalRead // by portal
	rooms    roomList             // as last listed
	listedAt time.Time            // when they were last listed
	made     []madeSince          // the rooms that were made not long ago, the oldest first
	gone     []wazoapi.UUID       // rooms that were in one list and not in the next, see takeGone
	latest   latestMessages       // the newest message of each room, see heard
}

// portalRead is what is known of the readings of a portal's history since the start.
type portalRead struct {
	verified   bool
	connection uint64    // during which a catch-up was completed, if verified
	quiet      bool      // the last catch-up found nothing new
	newsAt     time.Time // when one last found something new, or the first one began; zero: there was none
}

// stream is what is known of a connection for events of Wazo.
type stream struct {
	connected  atomic.Bool
	since      atomicTime    // when the present connection was made, or the last one
	connection atomic.Uint64 // the present connection, or the last one: no two connections of any accounts have the same number
	plugin     atomic.Bool   // Wazo had the plugin for reactions and replies when it was last asked
	// missed is until when it is believed that the plugin is away, because a request missed it although it was there
	// when Wazo was last asked; zero: none did.
	missed atomicTime
}

// madeSince is a room that was made at a time.
type madeSince struct {
	room wazoapi.Room
	at   time.Time
}

// madeKept is how long a room that was made is added to lists of rooms that may be older: longer than a request takes.
const madeKept = 2 * time.Minute

func newAccount(row *db.Account, api *wazoapi.Account) *account {
	return &account{row: row, api: api, reads: make(map[int64]portalRead)}
}

// uuid returns the author of the account's messages. It is empty if there is no account.
func (a *account) uuid() wazoapi.UUID {
	if a == nil {
		return ""
	}
	return wazoapi.UUID(a.row.UserUUID)
}

// stream returns the connection by which the account hears events: its own, or that of the relay account.
func (a *account) stream() *stream {
	if shared := a.shared.Load(); shared != nil {
		return shared
	}
	return &a.own
}

// lastProbeTook returns how long the last look for news took.
func (a *account) lastProbeTook() time.Duration { return time.Duration(a.probeTime.Load()) }

func (a *account) probeTook(d time.Duration) { a.probeTime.Store(int64(d)) }

// isVerified reports whether everything that was said in a portal's Wazo room while nobody listened is accepted.
func (a *account) isVerified(portalID int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	read := a.reads[portalID]
	return read.verified && read.connection == a.stream().connection.Load()
}

// setVerified notes a completed catch-up that began during a connection. It was quiet if it found nothing new.
func (a *account) setVerified(portalID int64, connection uint64, quiet bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	read := a.reads[portalID]
	read.verified, read.connection, read.quiet = true, connection, quiet
	a.reads[portalID] = read
}

// noteRead notes that a portal's history is read from a time on, and whether something new was found. It reports
// whether nothing can appear any more in what was read: it is longer ago than a time that something new was found.
func (a *account) noteRead(portalID int64, began time.Time, isNews bool, settles time.Duration) (settled bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	read := a.reads[portalID]
	if isNews || read.newsAt.IsZero() {
		read.newsAt = time.Now()
		a.reads[portalID] = read
		return false
	}
	return began.Sub(read.newsAt) > settles
}

// setUnverified notes that something may be missing of a portal, or (0) of all.
func (a *account) setUnverified(portalID int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	unverify := func(id int64) {
		if read, known := a.reads[id]; known {
			read.verified = false
			a.reads[id] = read
		}
	}
	if portalID != 0 {
		unverify(portalID)
		return
	}
	for id := range a.reads {
		unverify(id)
	}
}

// isQuiet reports whether the last catch-up of a portal found nothing new, and another one would not settle it yet,
// which takes a time.
func (a *account) isQuiet(portalID int64, settles time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	read := a.reads[portalID]
	return read.quiet && time.Since(read.newsAt) <= settles
}

// listRooms asks Wazo for the account's rooms.
func (a *account) listRooms(ctx context.Context) ([]wazoapi.Room, error) {
	asked := time.Now()
	rooms, err := a.api.Rooms(ctx)
	if err != nil {
		return nil, fmt.Errorf("failed to list rooms: %w", err)
	}
	list := newRoomList(rooms)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, made := range a.made {
		if made.at.After(asked) { // the answer may be older
			list = list.with(made.room)
		}
	}
	a.forgetMade()
	for _, uuid := range a.rooms.missing(list) {
		if !slices.Contains(a.gone, uuid) {
			a.gone = append(a.gone, uuid)
		}
	}
	a.rooms, a.listedAt = list, asked
	return rooms, nil
}

// takeGone returns the rooms that have vanished from the list since the last call.
func (a *account) takeGone() (gone []wazoapi.UUID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	gone, a.gone = a.gone, nil
	return gone
}

// listRoomsOnce is listRooms for many who ask at the same time: they share one answer. It may have been on its way
// already, so that a change of a moment ago is not in it.
func (a *account) listRoomsOnce(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err() // the others must not share that
	}
	_, err, _ := a.listing.Do("", func() (any, error) { return a.listRooms(ctx) })
	return err
}

// listedRoom returns one of the account's rooms as last listed. It makes no request.
func (a *account) listedRoom(uuid wazoapi.UUID) (room wazoapi.Room, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	room, ok = a.rooms.get(uuid)
	return room, ok
}

// strangersKept is how long it is believed that an account is no member of a room in which somebody writes. Its new
// rooms are heard of by themselves.
const strangersKept = 10 * time.Second

// heardRoom is room for a room of which the account has heard, perhaps because it hears of all rooms of the tenant: it
// does not ask Wazo for each message of strangers.
func (a *account) heardRoom(ctx context.Context, uuid wazoapi.UUID) (room wazoapi.Room, ok bool, err error) {
	a.mu.Lock()
	room, ok = a.rooms.get(uuid)
	isFresh := time.Since(a.listedAt) < strangersKept
	a.mu.Unlock()
	if ok || isFresh {
		return room, ok, nil
	}
	return a.room(ctx, uuid)
}

// room returns one of the account's rooms, asking Wazo only if it is not known. ok is false if the account is no
// member.
func (a *account) room(ctx context.Context, uuid wazoapi.UUID) (room wazoapi.Room, ok bool, err error) {
	a.mu.Lock()
	room, ok = a.rooms.get(uuid)
	a.mu.Unlock()
	if ok {
		return room, true, nil
	}
	if err = a.listRoomsOnce(ctx); err != nil {
		return wazoapi.Room{}, false, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	room, ok = a.rooms.get(uuid)
	return room, ok, nil
}

// isMember reports whether the account is a member of a room. The rooms as last listed are believed for a time, and for
// a tenth of it if the room is not among them: somebody may just have added the account. asked reports that they were
// listed anew.
func (a *account) isMember(ctx context.Context, room wazoapi.UUID, kept time.Duration) (member, asked bool, err error) {
	a.mu.Lock()
	member = a.rooms.has(room)
	age := time.Since(a.listedAt)
	a.mu.Unlock()
	if member && age < kept || !member && age < kept/10 {
		return member, false, nil
	} else if err = a.listRoomsOnce(ctx); err != nil {
		return false, true, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	member = a.rooms.has(room)
	return member, true, nil
}

// stillHears reports whether an account is a member of a room of which the relay account hears, for itself or for
// others, because it hears of all rooms: it goes on hearing of those that the account was removed from. If that cannot
// be told, the last list counts.
func (a *account) stillHears(ctx context.Context, room wazoapi.UUID, kept time.Duration) bool {
	member, _, err := a.isMember(ctx, room, kept)
	if err != nil {
		_, member = a.listedRoom(room)
	}
	return member
}

// forgetRoom notes that the account cannot read a room, whatever the last list says.
func (a *account) forgetRoom(uuid wazoapi.UUID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rooms = a.rooms.without(uuid)
	a.made = slices.DeleteFunc(a.made, func(made madeSince) bool { return made.room.UUID == uuid })
}

// addRoom remembers a room that was just made.
func (a *account) addRoom(room wazoapi.Room) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgetMade()
	a.made = append(a.made, madeSince{room, time.Now()})
	a.rooms = a.rooms.with(room)
}

// forgetMade forgets the rooms that each list has by now. The lock must be held.
func (a *account) forgetMade() {
	a.made = slices.DeleteFunc(a.made, func(made madeSince) bool { return time.Since(made.at) > madeKept })
	if len(a.made) == 0 {
		a.made = nil // there may be a thousand accounts
	}
}

// Identify finds out who the relay account is, if there is one. Wazo need not be reachable if that is known from an
// earlier start: then the relay begins its work and waits. A refused log-in is always an error. Identify also reads the
// accounts of people.
func (r *Relay) Identify(ctx context.Context) error {
	if err := r.loadPeople(ctx); err != nil || r.account == nil {
		return err
	}
	token, err := r.account.api.Token(ctx)
	if err != nil {
		var refused *wazoapi.Error
		known := r.account.row.UserUUID != ""
		if known && !(errors.As(err, &refused) && refused.Status == 401) {
			r.log.Warn().Err(err).Msg("Wazo cannot be reached; starting all the same")
			return nil
		}
		return err
	}
	if err = r.endUnfitLogIns(ctx, token); err != nil {
		return fmt.Errorf("failed to end log-ins that do not go with the relay account: %w", err)
	}
	row := r.account.row
	if row.UserUUID == string(token.UserUUID) && row.TenantUUID == string(token.TenantUUID) {
		return nil
	}
	if row.UserUUID != "" && row.UserUUID != string(token.UserUUID) {
		r.log.Warn().Str("was", row.UserUUID).Stringer("is", token.UserUUID).Msg("The relay account is another one than before")
	}
	row.UserUUID, row.TenantUUID = string(token.UserUUID), string(token.TenantUUID)
	if err = r.db.Account.Update(ctx, row); err != nil {
		return fmt.Errorf("failed to store the relay account: %w", err)
	}
	return nil
}

// endUnfitLogIns ends the log-ins of people that do not go with what the relay account is now, and tells the people so:
// that as the same user, because nothing that this user writes is shown on Matrix, and those of other tenants. They are
// deleted on Wazo when the relay runs.
func (r *Relay) endUnfitLogIns(ctx context.Context, relay wazoapi.Token) error {
	for _, acc := range r.accounts.all() {
		row, why := acc.row, ""
		switch {
		case acc.uuid() == relay.UserUUID:
			why = r.texts.LogInIsRelays(row.Username)
		case row.TenantUUID != string(relay.TenantUUID):
			why = r.texts.LogInOfOtherTenant(row.Username)
		default:
			continue
		}
		r.log.Warn().Stringer("matrix_user", row.MatrixUser).Msg("The log-in of a person does not go with the relay account and ends")
		err := r.db.DoTxn(ctx, func(ctx context.Context) error {
			r.accounts.remove(ctx, row.ID)
			if err := r.db.Account.SetState(ctx, row.ID, db.AccountLeaving); err != nil {
				return err
			}
			return r.SayTo(ctx, row.MatrixUser, why)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// TokenStore keeps an account's token in the database, sealed.
type TokenStore struct {
	DB      *db.Database
	Account *db.Account
}

var _ wazoapi.TokenStore = (*TokenStore)(nil)

// LoadToken implements wazoapi.TokenStore.
func (s *TokenStore) LoadToken(ctx context.Context) (token wazoapi.Token, err error) {
	stored, err := s.DB.Account.Token(ctx, s.Account.ID)
	if err != nil || stored == "" {
		return wazoapi.Token{}, err
	}
	return token, json.Unmarshal([]byte(stored), &token)
}

// SaveToken implements wazoapi.TokenStore.
func (s *TokenStore) SaveToken(ctx context.Context, token wazoapi.Token) error {
	data, err := json.Marshal(token)
	if err != nil {
		return err
	}
	return s.DB.Account.SetToken(ctx, s.Account.ID, string(data))
}
