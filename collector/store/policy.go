package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"safelight/collector/model"
)

// ErrPolicyOlder says that a policy version is not newer than the last one.
var ErrPolicyOlder = errors.New("not newer than the latest (epoch, serial)")

const policyColumns = `school_id, epoch, serial, key_id, issued, published_by, reason, manifest, signature`

func scanPolicy(row scanner) (model.PolicyVersion, error) {
	var v model.PolicyVersion
	var epoch, serial, issued int64
	err := row.Scan(&v.School, &epoch, &serial, &v.KeyID, &issued, &v.By, &v.Reason, &v.Manifest, &v.Signature)
	v.Epoch, v.Serial, v.Issued = uint64(epoch), uint64(serial), moment(issued)
	return v, err
}

// PublishPolicy keeps a version's blobs, in transactions of their own since they
// may be large, and then, in a short one, makes the version the latest. A
// version whose publishing was cut short is never seen.
func (s *Store) PublishPolicy(ctx context.Context, v model.PolicyVersion, blobs []model.Blob) error {
	for _, b := range blobs {
		if err := s.addBlob(ctx, v.School, b); err != nil {
			return fmt.Errorf("publishing policy: %w", err)
		}
	}
	err := s.write(ctx, func(tx *sql.Tx) error {
		last, found, err := latestPolicy(ctx, tx, v.School)
		if err != nil {
			return err
		}
		if found && (v.Epoch < last.Epoch || v.Epoch == last.Epoch && v.Serial <= last.Serial) {
			return fmt.Errorf("(%d, %d) after (%d, %d): %w", v.Epoch, v.Serial, last.Epoch, last.Serial, ErrPolicyOlder)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO policy_versions (school_id, epoch, serial, key_id, issued, published_by, reason, manifest, signature)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			v.School, int64(v.Epoch), int64(v.Serial), v.KeyID, micros(v.Issued), v.By, v.Reason, blob(v.Manifest), blob(v.Signature))
		if err != nil {
			return err
		}
		if err := addPolicyFiles(ctx, tx, v); err != nil {
			return err
		}
		if v.Proposal != "" {
			err := decideProposal(ctx, tx, v.School, model.Proposal{
				ID: v.Proposal, State: model.ProposalPublished, Decided: v.Issued, DecidedBy: v.By, Why: v.Reason, Epoch: v.Epoch, Serial: v.Serial,
			})
			if err != nil {
				return err
			}
		}
		err = note(ctx, tx, v.School, model.AuditRecord{
			At: v.Issued, Actor: model.UserActor(v.By), What: "rules.publish", Ref: fmt.Sprintf("rules:%d.%d", v.Epoch, v.Serial), Reason: v.Reason,
		})
		if err != nil {
			return err
		}
		return bump(ctx, tx, v.School, TopicPolicy)
	})
	if err == nil {
		err = s.dropOldTables(ctx, v.School)
	}
	if err != nil {
		return fmt.Errorf("publishing policy: %w", err)
	}
	return nil
}

// LatestPolicy reads the version that devices should judge by, where there is
// one.
func (s *Store) LatestPolicy(ctx context.Context, school model.SchoolID) (model.PolicyVersion, bool, error) {
	v, found, err := latestPolicy(ctx, s.reader, school)
	if err != nil {
		return model.PolicyVersion{}, false, fmt.Errorf("reading policy: %w", err)
	}
	return v, found, nil
}

func latestPolicy(ctx context.Context, q querier, school model.SchoolID) (model.PolicyVersion, bool, error) {
	v, err := scanPolicy(q.QueryRowContext(ctx, `SELECT `+policyColumns+` FROM policy_versions
		WHERE school_id = $1 ORDER BY epoch DESC, serial DESC LIMIT 1`, school))
	if errors.Is(err, sql.ErrNoRows) {
		return model.PolicyVersion{}, false, nil
	}
	return v, err == nil, err
}

// PolicyMade says whether the school published that version here: a database that
// was restored knows none of those that came after its backup.
func (s *Store) PolicyMade(ctx context.Context, school model.SchoolID, epoch, serial uint64) (bool, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, `SELECT count(*) FROM policy_versions WHERE school_id = $1 AND epoch = $2 AND serial = $3`,
		school, int64(epoch), int64(serial)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("reading policy %d.%d: %w", epoch, serial, err)
	}
	return n > 0, nil
}

// PolicyHistory lists every version, newest first.
func (s *Store) PolicyHistory(ctx context.Context, school model.SchoolID) ([]model.PolicyVersion, error) {
	versions, err := collect(ctx, s.reader, scanPolicy,
		`SELECT `+policyColumns+` FROM policy_versions WHERE school_id = $1 ORDER BY epoch DESC, serial DESC`, school)
	if err != nil {
		return nil, fmt.Errorf("listing policies: %w", err)
	}
	return versions, nil
}
