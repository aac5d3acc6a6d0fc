package db

import (
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"

	"wazo-matrix-relay/internal/dbtest"
)

// postgresSchemaQuery describes what PostgreSQL knows of the tables of a database.
const postgresSchemaQuery = `
	SELECT format('column %s.%s: %s, nullable %s, default %s', table_name, column_name, data_type, is_nullable, column_default)
	FROM information_schema.columns WHERE table_schema = 'public'
	UNION ALL
	SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'
	UNION ALL
	SELECT format('constraint of %s: %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
	ORDER BY 1
`

// The first version that could be kept on PostgreSQL is 9.
func TestDatabaseOfVersion9OnPostgreSQLIsUpgraded(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	schema := func(db *Database) []string {
		rows, err := db.Query(t.Context(), postgresSchemaQuery)
		found, err := dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
		require.NoError(t, err)
		return found
	}
	location := dbtest.Location(t)
	db := openAt(t, location, "key")
	want := schema(db)
	_, err := db.RawDB.Exec(`
		DROP INDEX portal_reader;
		ALTER TABLE portal DROP COLUMN settled, DROP COLUMN changes, DROP COLUMN followed, DROP COLUMN followed_room;
		DROP TABLE named_room;
		DROP TABLE outside;
		DROP TABLE outside_attempt;
		DROP TABLE text_message;
		UPDATE version SET version = 9, compat = 9;
	`)
	require.NoError(t, err)
	require.NotEqual(t, want, schema(db))
	require.NoError(t, db.Close())

	db, err = Open(t.Context(), location, "key", zerolog.Nop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.Equal(t, want, schema(db), "it has the schema of a new one")
}
