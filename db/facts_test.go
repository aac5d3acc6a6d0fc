package db

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// knows reports whether a portal is kept in memory.
func (db *Database) knows(portal *Portal) bool {
	_, known, _ := poolOf(db.RawDB).facts.get(factKey{table: "portal", id: portal.ID})
	return known
}

func TestFactsAreKeptUntilTheyMayHaveChanged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(ctx context.Context, db *Database, p *Portal) error{
		"by a statement": func(ctx context.Context, db *Database, p *Portal) error {
			return db.Portal.SetTitle(ctx, p.ID, "new", "new")
		},
		"in a transaction": func(ctx context.Context, db *Database, p *Portal) error {
			return db.DoTxn(ctx, func(ctx context.Context) error { return db.Portal.SetTitle(ctx, p.ID, "new", "new") })
		},
		"by a statement of somebody else": func(ctx context.Context, db *Database, p *Portal) error {
			_, err := db.Exec(ctx, `update "portal" set title = 'new'`)
			return err
		},
		"by one of several statements": func(ctx context.Context, db *Database, p *Portal) error {
			_, err := db.Exec(ctx, `UPDATE setting SET value = x'00'; UPDATE portal SET title = 'new'`)
			return err
		},
		"by a connection of its own": func(ctx context.Context, db *Database, p *Portal) error {
			db.RawDB.SetMaxOpenConns(1)
			if _, err := db.Exec(ctx, `PRAGMA foreign_keys = ON`); err != nil {
				return err
			}
			return db.DoTxn(ctx, func(ctx context.Context) error { return db.Portal.SetTitle(ctx, p.ID, "new", "new") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, ctx := openNewFile(t), t.Context()
			portal := db.addPortal(t, "one")
			first, err := db.Portal.ByID(ctx, portal.ID)
			require.NoError(t, err)
			first.Title = "changed by who has read it"
			require.True(t, db.knows(portal))
			db.queue(t, portal, ToWazo, "$event", 1)
			require.True(t, db.knows(portal), "messages do not change it")
			second, err := db.Portal.ByID(ctx, portal.ID)
			require.NoError(t, err)
			require.Equal(t, "one", second.Title)
			require.NoError(t, change(ctx, db, portal))
			for range 2 {
				third, err := db.Portal.ByID(ctx, portal.ID)
				require.NoError(t, err)
				require.Equal(t, "new", third.Title)
			}
		})
	}
}

// What is being changed is not known to others before it is committed, but it is to those who go on in the same group.
func TestFactsWithinTransactions(t *testing.T) {
	t.Parallel()
	g := openGrouped(t)
	portal := g.addPortal(t, "one")
	title := func(ctx context.Context) string {
		found, err := g.Portal.ByID(ctx, portal.ID)
		assert.NoError(t, err)
		return found.Title
	}
	require.Equal(t, "one", title(t.Context()))
	for _, err := range g.runGroup(t.Context(), func(ctx context.Context) error {
		assert.Equal(t, "one", title(ctx))
		assert.NoError(t, g.Portal.SetTitle(ctx, portal.ID, "two", ""))
		assert.Equal(t, "two", title(ctx))
		assert.Equal(t, "one", title(t.Context()), "it is not committed")
		return nil
	}, func(ctx context.Context) error {
		assert.Equal(t, "two", title(ctx), "it goes on in the same group")
		assert.Equal(t, "one", title(t.Context()), "it is not committed")
		return nil
	}) {
		require.NoError(t, err)
	}
	require.Equal(t, "two", title(t.Context()))
	require.ErrorIs(t, g.DoTxn(t.Context(), func(ctx context.Context) error {
		assert.NoError(t, g.Portal.SetTitle(ctx, portal.ID, "three", ""))
		assert.Equal(t, "three", title(ctx))
		return errTest
	}), errTest)
	require.Equal(t, "two", title(t.Context()), "it was rolled back")
}

// Pauses and gaps go with their portal.
func TestFactsThatDependOnOthers(t *testing.T) {
	t.Parallel()
	db, ctx := openNewFile(t), t.Context()
	portal := db.addPortal(t, "one")
	_, err := db.Pause.Insert(ctx, &Pause{PortalID: portal.ID, Reason: "opened"})
	require.NoError(t, err)
	_, err = db.Gap.Insert(ctx, portal.ID, portal.MatrixRoom, "from", "to", 0)
	require.NoError(t, err)
	look := func() (pauses []*Pause, gap *Gap, found *Portal) {
		pauses, err = db.Pause.Of(ctx, portal.ID)
		require.NoError(t, err)
		gap, err = db.Gap.First(ctx, portal.ID)
		require.NoError(t, err)
		found, err = db.Portal.ByMatrixRoom(ctx, portal.MatrixRoom)
		require.NoError(t, err)
		return pauses, gap, found
	}
	for range 2 {
		pauses, gap, found := look()
		require.Len(t, pauses, 1)
		require.NotNil(t, gap)
		require.NotNil(t, found)
	}
	require.NoError(t, db.Portal.Delete(ctx, portal.ID))
	for range 2 {
		pauses, gap, found := look()
		require.Empty(t, pauses)
		require.Nil(t, gap)
		require.Nil(t, found)
	}
	again := db.addPortal(t, "one")
	_, _, found := look()
	require.Equal(t, again.ID, found.ID, "that there was none is forgotten")
}

// Whoever reads after a change was reported sees it, however many read and write at the same time.
func TestFactsAreNeverOlderThanWhatWasReported(t *testing.T) {
	t.Parallel()
	db, ctx := openNewFile(t), t.Context()
	portal := db.addPortal(t, "one")
	const times = 200
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, err := db.Portal.ByID(ctx, portal.ID)
					assert.NoError(t, err)
				}
			}
		})
	}
	for i := range times {
		room := id.RoomID(fmt.Sprintf("!room%d:a.example", i))
		require.NoError(t, db.Portal.MoveToRoom(ctx, portal.ID, room))
		found, err := db.Portal.ByID(ctx, portal.ID)
		require.NoError(t, err)
		require.Equal(t, room, found.MatrixRoom)
	}
	close(stop)
	wg.Wait()
}

func TestKindsOfStatements(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]kind{
		"SELECT 1":                                 {verb: "SELECT", reads: true},
		"\n\t\tselect title from portal":           {verb: "SELECT", reads: true},
		"UPDATE portal SET title = $2":             {verb: "UPDATE", table: "portal"},
		"INSERT INTO pause (portal_id) VALUES (1)": {verb: "INSERT", table: "pause"},
		"INSERT OR REPLACE INTO gap VALUES (1)":    {verb: "INSERT", table: "gap"},
		"DELETE FROM portal":                       {verb: "DELETE", table: "portal"},
		"REPLACE INTO gap(id) VALUES (1)":          {verb: "REPLACE", table: "gap"},
		"VACUUM":                                   {verb: "VACUUM"},
		"PRAGMA user_version":                      {verb: "PRAGMA"},
		"":                                         {},
	} {
		got := kindOf(query)
		require.Equal(t, want.verb, got.verb, query)
		require.Equal(t, want.table, got.table, query)
		require.Equal(t, want.reads, got.reads, query)
		require.Equal(t, want.verb == "VACUUM" || want.verb == "PRAGMA" || want.verb == "", got.isOwn(), query)
	}
}
