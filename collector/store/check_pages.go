package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

// TopicChecks is of requests to check.
const TopicChecks = "checks"

// ErrSigned says that a side has signed a week's check already; ErrSamePerson
// that the other side is the same person.
var (
	ErrSigned     = checkRefusalError("somebody has signed for this side already")
	ErrSamePerson = checkRefusalError("the other side is signed by the same person: a week's check takes two people")
)

// checkRefusalError is an error whose words are for the person who signs.
type checkRefusalError string

func (r checkRefusalError) Error() string { return string(r) }

// CheckRefusal is what to tell them.
func (r checkRefusalError) CheckRefusal() string { return string(r) }

// AddCheckRecord keeps what a person wrote on a week's check.
func (s *Store) AddCheckRecord(ctx context.Context, r model.CheckRecord) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO check_records (school_id, id, week, at, by_user, kind, what, user_group, account, site, worked, told, found, done)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			r.School, r.ID, r.Week, micros(r.At), r.By, r.Kind, r.What, r.Group, r.Account, r.Site, flag(r.Worked), r.Told, r.Found, r.Done)
		if err != nil {
			return err
		}
		return note(ctx, tx, r.School, model.AuditRecord{At: r.At, Actor: model.UserActor(r.By), What: "check.record", Ref: "check:" + r.Week, Outcome: string(r.Kind)})
	})
	if err != nil {
		return fmt.Errorf("writing on a week's check: %w", err)
	}
	return nil
}

// CheckRecords lists what people wrote on a week's check, oldest first.
func (s *Store) CheckRecords(ctx context.Context, school model.SchoolID, week string) ([]model.CheckRecord, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (r model.CheckRecord, err error) {
		var at, worked int64
		err = row.Scan(&r.ID, &r.Week, &at, &r.By, &r.Kind, &r.What, &r.Group, &r.Account, &r.Site, &worked, &r.Told, &r.Found, &r.Done)
		r.School, r.At, r.Worked = school, moment(at), worked != 0
		return r, err
	}, `SELECT id, week, at, by_user, kind, what, user_group, account, site, worked, told, found, done FROM check_records
		WHERE school_id = $1 AND week = $2 ORDER BY at, id`, school, week)
	if err != nil {
		return nil, fmt.Errorf("listing what was written on a week's check: %w", err)
	}
	return all, nil
}

// SignCheck signs a week's check for one side. Both sides' signatures are by two
// people (G19), whoever comes first.
func (s *Store) SignCheck(ctx context.Context, sig model.CheckSignature) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		by, err := readUser(ctx, tx, sig.School, sig.By)
		if err != nil {
			return err
		}
		others, err := listSignatures(ctx, tx, sig.School, sig.Week)
		if err != nil {
			return err
		}
		for _, other := range others {
			if other.Side == sig.Side {
				return ErrSigned
			}
			first, err := readUser(ctx, tx, sig.School, other.By)
			if err != nil {
				return err
			}
			if samePerson(by, first) {
				return ErrSamePerson
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO check_signatures (school_id, week, side, by_user, at, summary, note) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			sig.School, sig.Week, sig.Side, sig.By, micros(sig.At), sig.Summary, sig.Note)
		if err != nil {
			return taken(err)
		}
		return note(ctx, tx, sig.School, model.AuditRecord{
			At: sig.At, Actor: model.UserActor(sig.By), What: "check.sign", Ref: "check:" + sig.Week, Outcome: string(sig.Side) + ": " + sig.Summary,
		})
	})
	if errors.Is(err, ErrTaken) { // two pressed at once
		err = ErrSigned
	}
	if err != nil {
		return fmt.Errorf("signing a week's check: %w", err)
	}
	return nil
}

// samePerson says whether two who sign in are one person, as far as can be told.
func samePerson(a, b model.User) bool {
	same := func(x, y string) bool { return x != "" && model.FoldAccount(x) == model.FoldAccount(y) }
	return a.ID == b.ID || same(a.Email, b.Email) || same(a.Name, b.Name) || a.Account != "" && model.BareAccount(a.Account) == model.BareAccount(b.Account)
}

// Signatures lists who signed a week's check.
func (s *Store) Signatures(ctx context.Context, school model.SchoolID, week string) ([]model.CheckSignature, error) {
	all, err := listSignatures(ctx, s.reader, school, week)
	if err != nil {
		return nil, fmt.Errorf("listing who signed a week's check: %w", err)
	}
	return all, nil
}

func listSignatures(ctx context.Context, q querier, school model.SchoolID, week string) ([]model.CheckSignature, error) {
	return collect(ctx, q, func(row scanner) (sig model.CheckSignature, err error) {
		var at int64
		err = row.Scan(&sig.Week, &sig.Side, &sig.By, &at, &sig.Summary, &sig.Note)
		sig.School, sig.At = school, moment(at)
		return sig, err
	}, `SELECT week, side, by_user, at, summary, note FROM check_signatures WHERE school_id = $1 AND week = $2 ORDER BY at, side`, school, week)
}

// LastSigned is when a week's check last came to have both signatures; zero:
// never. Reviews raised before then have been looked at by both sides.
func (s *Store) LastSigned(ctx context.Context, school model.SchoolID) (time.Time, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (first int64, err error) { return first, row.Scan(&first) },
		`SELECT MIN(at) FROM check_signatures WHERE school_id = $1 GROUP BY week HAVING COUNT(*) = 2`, school)
	if err != nil {
		return time.Time{}, fmt.Errorf("finding the last week that both signed: %w", err)
	}
	var last int64
	for _, at := range all {
		last = max(last, at)
	}
	return moment(last), nil
}

// Reviews lists the changes that were raised since a time, oldest first.
func (s *Store) Reviews(ctx context.Context, school model.SchoolID, since time.Time) ([]model.Review, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (r model.Review, err error) {
		var raised int64
		err = row.Scan(&r.Device, &r.What, &r.Was, &r.Now, &raised)
		r.School, r.Raised = school, moment(raised)
		return r, err
	}, `SELECT device, what, was, is_now, raised FROM check_reviews WHERE school_id = $1 AND raised > $2 ORDER BY raised, device, what, is_now`, school, micros(since))
	if err != nil {
		return nil, fmt.Errorf("listing changes that call for a review: %w", err)
	}
	return all, nil
}

// RequestCheck asks every device, or one, to check itself.
func (s *Store) RequestCheck(ctx context.Context, r model.CheckRequest) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO check_requests (school_id, id, device, at, by_user, within_seconds) VALUES ($1, $2, $3, $4, $5, $6)`,
			r.School, r.ID, r.Device, micros(r.At), r.By, int64(r.Within/time.Second))
		if err != nil {
			return err
		}
		if err := bump(ctx, tx, r.School, TopicChecks); err != nil {
			return err
		}
		whom := "every device"
		if r.Device != "" {
			whom = model.DeviceActor(r.Device)
		}
		return note(ctx, tx, r.School, model.AuditRecord{At: r.At, What: "check.request", Ref: "request:" + r.ID, Outcome: whom + ", within " + r.Within.String()})
	})
	if err != nil {
		return fmt.Errorf("asking devices to check themselves: %w", err)
	}
	return nil
}

// CheckRequests lists the requests made since a time, oldest first.
func (s *Store) CheckRequests(ctx context.Context, school model.SchoolID, since time.Time) ([]model.CheckRequest, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (r model.CheckRequest, err error) {
		var at, within int64
		err = row.Scan(&r.ID, &r.Device, &at, &r.By, &within)
		r.School, r.At, r.Within = school, moment(at), time.Duration(within)*time.Second
		return r, err
	}, `SELECT id, device, at, by_user, within_seconds FROM check_requests WHERE school_id = $1 AND at >= $2 ORDER BY at, id`, school, micros(since))
	if err != nil {
		return nil, fmt.Errorf("listing requests to check: %w", err)
	}
	return all, nil
}
