package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"safelight/collector/model"
	"safelight/collector/store"
)

// whatErased is the kind of the record of an erasing.
const whatErased = "audit.erase"

// staying are the kinds of record that others are checked by.
var staying = []string{whatErased, whatRestore, whatAccept, whatRecovery}

const recordPrefix = "record:"

func recordRef(index int64) string { return recordPrefix + strconv.FormatInt(index, 10) }

// Erase takes a record's text away for good, with a reason, and records that.
// Its leaf stays, so the tree still verifies. What the record is checked by cannot
// be erased, nor what stands before the recovery key's name: nobody could tell
// whether it named another.
func (l *Log) Erase(ctx context.Context, index int64, by model.Actor) error {
	if strings.TrimSpace(by.Reason) == "" {
		return errors.New("erasing a record: give a reason; it is kept")
	}
	first, _, _, err := l.naming(ctx)
	if err != nil {
		return fmt.Errorf("erasing a record: %w", err)
	}
	err = l.commit(ctx, func(t *store.AuditTx) ([]model.AuditRecord, error) {
		row, err := t.Record(index)
		switch {
		case err != nil:
			return nil, err
		case row.Erased != "":
			return nil, fmt.Errorf("record %d is erased already", index)
		}
		r, err := Decode(row.Record)
		if err != nil {
			return nil, err
		}
		if slices.Contains(staying, r.What) || index < first.index {
			return nil, fmt.Errorf("record %d is what the record itself is checked by, and stays", index)
		}
		if err := t.Erase(index, clip(by.Reason, maxReason)); err != nil {
			return nil, err
		}
		return []model.AuditRecord{{At: l.Now(), Actor: by.Who, Via: by.Via, What: whatErased, Ref: recordRef(index), Reason: by.Reason}}, nil
	})
	if err != nil {
		return fmt.Errorf("erasing a record: %w", err)
	}
	return nil
}
