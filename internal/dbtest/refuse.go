package dbtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"
)

// RefuseWrites has the database refuse an operation (such as INSERT) on rows of a table for which a condition holds, as
// a full disk does, until the returned function is called.
func RefuseWrites(t testing.TB, db *dbutil.Database, operation, table, when string) (repair func()) {
	t.Helper()
	ctx := context.Background() // repair may be called at the end of a test
	exec := func(statement string) {
		t.Helper()
		_, err := db.Exec(ctx, statement)
		require.NoError(t, err)
	}
	if db.Dialect == dbutil.SQLite {
		exec("CREATE TRIGGER broken BEFORE " + operation + " ON " + table + " WHEN " + when + " BEGIN SELECT RAISE(ABORT, 'disk full'); END")
		return func() { exec("DROP TRIGGER broken") }
	}
	exec(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full USING MESSAGE = 'disk full'; END $$;
		CREATE TRIGGER broken BEFORE ` + operation + ` ON ` + table + ` FOR EACH ROW WHEN (` + when + `) EXECUTE FUNCTION refuse()`)
	return func() { exec("DROP TRIGGER broken ON " + table) }
}
