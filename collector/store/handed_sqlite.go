package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"modernc.org/sqlite"
	"modernc.org/sqlite/vtab"
)

// SQLite's way of being handed rows: a virtual table that reads them straight
// from this program's memory.
//
//	SELECT r.c0, r.c1 FROM (SELECT * FROM temp.handed WHERE source = $2) r
//
// source is the number under which the rows were handed in.

// handedColumns is how many columns handed rows can have.
const handedColumns = 16

const handedModule = "safelight_handed"

func selectHanded(_ string, first int) string {
	return "(SELECT * FROM temp.handed WHERE source = $" + strconv.Itoa(first) + ") r"
}

// sources are the rows handed in and not yet done with.
type sources struct {
	mu   sync.Mutex // guards what is below
	last int64
	all  map[int64]source
}

type source struct {
	n       int
	columns []any
}

// handed is one for the whole process because the driver knows a virtual table's
// module by name, for the whole process.
var handed = sources{all: make(map[int64]source)}

// registerHanded makes the module known, once.
var registerHanded = sync.OnceValue(func() error { return vtab.RegisterModule(nil, handedModule, handedTable{}) })

func (s *sources) hand(columns []any) (args []any, done func(), err error) {
	n, err := checkLengths(columns)
	if err != nil {
		return nil, nil, err
	}
	if len(columns) > handedColumns {
		return nil, nil, fmt.Errorf("handing rows to a statement: %d columns: want at most %d", len(columns), handedColumns)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	number := s.last
	s.all[number] = source{n, columns}
	return []any{number}, func() { s.drop(number) }, nil
}

func (s *sources) drop(number int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, number)
}

func (s *sources) find(number int64) (source, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.all[number]
	return found, ok
}

// handedTable is the module and the table: it holds nothing.
type handedTable struct{}

// Create implements vtab.Module.
func (t handedTable) Create(c vtab.Context, _ []string) (vtab.Table, error) {
	names := make([]string, handedColumns)
	for i := range names {
		names[i] = "c" + strconv.Itoa(i)
	}
	return t, c.Declare("CREATE TABLE handed (source HIDDEN, " + strings.Join(names, ", ") + ")")
}

// Connect implements vtab.Module.
func (t handedTable) Connect(c vtab.Context, args []string) (vtab.Table, error) {
	return t.Create(c, args)
}

// BestIndex asks for the source's number: without one there is nothing to read.
func (handedTable) BestIndex(info *vtab.IndexInfo) error {
	for i := range info.Constraints {
		c := &info.Constraints[i]
		if c.Column == 0 && c.Op == vtab.OpEQ && c.Usable {
			c.ArgIndex, c.Omit = 0, true
			// Dear, so that handed rows are gone through once and what they name is
			// looked up, never the other way round.
			info.EstimatedCost, info.EstimatedRows = 1e6, 100
			return nil
		}
	}
	return errors.New("handed rows are read by their source")
}

// Open implements vtab.Table.
func (handedTable) Open() (vtab.Cursor, error) { return &handedCursor{}, nil }

// Disconnect implements vtab.Table.
func (handedTable) Disconnect() error { return nil }

// Destroy implements vtab.Table.
func (handedTable) Destroy() error { return nil }

// handedCursor stands at one of a source's rows.
type handedCursor struct {
	source
	at int
}

// Filter implements vtab.Cursor.
func (c *handedCursor) Filter(_ int, _ string, args []vtab.Value) error {
	number, _ := args[0].(int64)
	found, ok := handed.find(number)
	if !ok {
		return errors.New("no rows were handed in under this number")
	}
	c.source, c.at = found, 0
	return nil
}

// Next implements vtab.Cursor.
func (c *handedCursor) Next() error { c.at++; return nil }

// Eof implements vtab.Cursor.
func (c *handedCursor) Eof() bool { return c.at >= c.n }

// Column implements vtab.Cursor. The first one is the source.
func (c *handedCursor) Column(i int) (vtab.Value, error) {
	if i == 0 || i > len(c.columns) {
		return nil, nil
	}
	switch column := c.columns[i-1].(type) {
	case []string:
		return column[c.at], nil
	case []int64:
		return column[c.at], nil
	case [][]byte:
		return column[c.at], nil
	}
	return nil, fmt.Errorf("a handed column is %T", c.columns[i-1])
}

// Rowid implements vtab.Cursor.
func (c *handedCursor) Rowid() (int64, error) { return int64(c.at), nil }

// Close implements vtab.Cursor.
func (c *handedCursor) Close() error { return nil }

// handing opens connections that can be handed rows.
type handing struct{ driver.Connector }

// Connect implements driver.Connector.
func (h handing) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := h.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errors.New("the database's driver executes nothing"), conn.Close())
	}
	if _, err := execer.ExecContext(ctx, "CREATE VIRTUAL TABLE temp.handed USING "+handedModule, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing to hand rows in: %w", err), conn.Close())
	}
	return conn, nil
}

// openHanding opens a pool whose connections can be handed rows.
func openHanding(dsn string) (*sql.DB, error) {
	if err := registerHanded(); err != nil {
		return nil, fmt.Errorf("preparing to hand rows in: %w", err)
	}
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(handing{connector}), nil
}
