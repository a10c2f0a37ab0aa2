package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"testing"
)

// runOver prepares a statement with a mark and runs f with it bound.
func runOver(t *testing.T, s *Store, text string, f func(ctx context.Context, b *bound)) {
	t.Helper()
	own := &hot{dialect: s.dialect}
	stmt, err := s.writer.PrepareContext(t.Context(), withRows(s.dialect, text))
	must(t, err)
	defer stmt.Close()
	own.stmts[0] = stmt
	must(t, s.write(t.Context(), func(tx *sql.Tx) error {
		f(t.Context(), &bound{hot: own, tx: tx})
		return nil
	}))
}

func TestHandedRowsArriveAsTheyWereHandedIn(t *testing.T) {
	type row struct {
		text   string
		number int64
		bytes  []byte
	}
	want := []row{
		{"", 0, []byte{}},
		{"it's \"quoted\" {rows t} $1", math.MinInt64, []byte{0, 0xff, 0}},
		{"Zoë 😀", math.MaxInt64, bytes.Repeat([]byte{7}, 100_000)},
	}
	var texts []string
	var numbers []int64
	var blobs [][]byte
	for _, r := range want {
		texts, numbers, blobs = append(texts, r.text), append(numbers, r.number), append(blobs, r.bytes)
	}
	s := openStore(t)
	runOver(t, s, `SELECT r.c0, r.c1, r.c2 FROM {rows tib}`, func(ctx context.Context, b *bound) {
		for range 2 { // the statement serves again
			got, err := handedRows(ctx, b, 0, func(from scanner) (r row, err error) {
				return r, from.Scan(&r.text, &r.number, &r.bytes)
			}, nil, texts, numbers, blobs)
			must(t, err)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("arrived as %v, want %v", got, want)
			}
		}
	})
	if n := len(handed.all); n != 0 {
		t.Errorf("%d handed rows are still held", n)
	}
}

func TestColumnsOfUnequalLengthAreRefused(t *testing.T) {
	s := openStore(t)
	runOver(t, s, `SELECT r.c0 FROM {rows ti}`, func(ctx context.Context, b *bound) {
		for _, columns := range [][]any{{[]string{"a", "b"}, []int64{1}}, {[]string{"a"}, []bool{true}}} {
			_, err := b.execRows(ctx, 0, nil, columns...)
			if err == nil || !strings.Contains(err.Error(), "handing rows to a statement") {
				t.Errorf("columns %v: %v", columns, err)
			}
		}
	})
}

func TestNoRowsHandedInAreNone(t *testing.T) {
	s := openStore(t)
	runOver(t, s, `SELECT r.c0 FROM {rows t}`, func(ctx context.Context, b *bound) {
		got, err := handedRows(ctx, b, 0, func(from scanner) (text string, err error) { return text, from.Scan(&text) }, nil, []string{})
		if err != nil || len(got) != 0 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// TestHandedRowsAreLookedUp holds the statements over rows to finding each row by
// its key: going through the whole table for a few rows takes longer every year.
func TestHandedRowsAreLookedUp(t *testing.T) {
	if onPostgres() {
		t.Skip("its planner goes by what the tables hold")
	}
	s := openStore(t)
	for _, i := range []int{findAlerts, decideSubjects, writeAlerts, linkEvents, insertEvents, insertPendings} {
		text := withRows(s.dialect, hotSQL[i])
		rows, err := s.writer.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, planArgs(text)...)
		must(t, err)
		plan, err := drain(rows, func(row scanner) (detail string, err error) {
			var id, parent, unused int64
			return detail, row.Scan(&id, &parent, &unused, &detail)
		})
		must(t, err)
		for _, step := range plan {
			if !strings.Contains(step, "VIRTUAL TABLE") && !strings.HasPrefix(step, "LIST SUBQUERY") && !strings.Contains(step, "=? AND ") {
				t.Errorf("%s\n%s", text, strings.Join(plan, "\n"))
			}
		}
	}
}

func planArgs(text string) []any {
	args := make([]any, 0, 8)
	for i := range parameter.FindAllString(text, -1) {
		args = append(args, int64(i))
	}
	return args
}
