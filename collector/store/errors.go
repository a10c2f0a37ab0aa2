package store

import (
	"errors"
	"fmt"
)

// ErrTaken says that what must be unique is there already.
var ErrTaken = errors.New("already there")

// taken marks a broken uniqueness with ErrTaken.
func taken(err error) error {
	if err != nil && (sqliteDialect.taken(err) || postgresDialect.taken(err)) {
		return fmt.Errorf("%w (%w)", ErrTaken, err)
	}
	return err
}
