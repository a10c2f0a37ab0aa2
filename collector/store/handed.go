package store

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Rows are handed to a statement all at once, as columns: to run one statement
// over a thousand rows costs half of running it a thousand times. In its text
//
//	FROM {rows bti}
//
// stands for a table r of three columns c0, c1 and c2, of bytes, text and
// numbers; it takes the parameters from $n on, where n is one more than the
// parameters beside it. Each database has its own way of being
// handed rows (dialect.rows, dialect.hand).

// handedMark finds the place in a statement where rows are handed in.
var handedMark = regexp.MustCompile(`\{rows ([bti]+)\}`)

var parameter = regexp.MustCompile(`\$([0-9]+)`)

// withRows puts a database's own words for handed rows into a statement.
func withRows(d *dialect, text string) string {
	return handedMark.ReplaceAllStringFunc(text, func(mark string) string {
		kinds := handedMark.FindStringSubmatch(mark)[1]
		first := 1
		for _, used := range parameter.FindAllStringSubmatch(text, -1) {
			if n, _ := strconv.Atoi(used[1]); n >= first {
				first = n + 1
			}
		}
		return d.rows(kinds, first)
	})
}

// execRows runs a hot statement over rows. columns are []string, []int64 or
// [][]byte, all of one length, in the order of the statement's mark.
func (b *bound) execRows(ctx context.Context, i int, args []any, columns ...any) (int64, error) {
	handed, done, err := b.hot.dialect.hand(columns)
	if err != nil {
		return 0, err
	}
	defer done()
	result, err := b.exec(ctx, i, append(args, handed...)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// handedRows runs a hot statement that answers over rows.
func handedRows[T any](ctx context.Context, b *bound, i int, scan func(scanner) (T, error), args []any, columns ...any) ([]T, error) {
	handed, done, err := b.hot.dialect.hand(columns)
	if err != nil {
		return nil, err
	}
	defer done()
	rows, err := b.query(ctx, i, append(args, handed...)...)
	if err != nil {
		return nil, err
	}
	return drain(rows, scan)
}

// lengthOf is how many rows a column has.
func lengthOf(column any) (int, error) {
	switch c := column.(type) {
	case []string:
		return len(c), nil
	case []int64:
		return len(c), nil
	case [][]byte:
		return len(c), nil
	}
	return 0, fmt.Errorf("handing rows to a statement: a column of %T: want text, numbers or bytes", column)
}

// checkLengths returns how many rows there are.
func checkLengths(columns []any) (n int, err error) {
	for i, column := range columns {
		length, err := lengthOf(column)
		if err != nil {
			return 0, err
		}
		if i > 0 && length != n {
			return 0, fmt.Errorf("handing rows to a statement: column %d has %d rows and the first %d", i, length, n)
		}
		n = length
	}
	return n, nil
}

// unnest is PostgreSQL's way: an array a column.
func unnest(kinds string, first int) string {
	types := map[rune]string{'b': "bytea[]", 't': "text[]", 'i': "bigint[]"}
	var arrays, names []string
	for i, kind := range kinds {
		arrays = append(arrays, "$"+strconv.Itoa(first+i)+"::"+types[kind])
		names = append(names, "c"+strconv.Itoa(i))
	}
	return "unnest(" + strings.Join(arrays, ", ") + ") AS r (" + strings.Join(names, ", ") + ")"
}

func handArrays(columns []any) (args []any, done func(), err error) {
	if _, err := checkLengths(columns); err != nil {
		return nil, nil, err
	}
	return columns, func() {}, nil
}
