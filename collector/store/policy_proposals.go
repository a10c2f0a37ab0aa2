package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"safelight/collector/model"
)

// ErrDecided says that a proposal is not open any more.
var ErrDecided = errors.New("this proposal was published or withdrawn already")

// ErrTooManyProposals says that nobody decides about proposals.
var ErrTooManyProposals = errors.New("too many proposals are open: publish or withdraw some first")

// openProposals bounds what waits for a decision.
const openProposals = 100

const proposalColumns = `school_id, id, at, proposed_by, reason, necessity, base_epoch, base_serial,
	state, decided, decided_by, why, epoch, serial`

func scanProposal(row scanner) (model.Proposal, error) {
	var p model.Proposal
	var at, decided, baseEpoch, baseSerial, epoch, serial int64
	err := row.Scan(&p.School, &p.ID, &at, &p.By, &p.Reason, &p.Necessity, &baseEpoch, &baseSerial,
		&p.State, &decided, &p.DecidedBy, &p.Why, &epoch, &serial)
	p.At, p.Decided = moment(at), moment(decided)
	p.BaseEpoch, p.BaseSerial, p.Epoch, p.Serial = uint64(baseEpoch), uint64(baseSerial), uint64(epoch), uint64(serial)
	return p, err
}

// AddProposal keeps a proposal and its files, by name, and returns it with its
// id. The files go first, each in a transaction of its own, since they may be
// large; what was cut short is never seen.
func (s *Store) AddProposal(ctx context.Context, p model.Proposal, files map[string]model.Blob) (model.Proposal, error) {
	p.ID, p.State = "P-"+randomRef(), model.ProposalOpen
	names := make([]string, 0, len(files))
	for name, b := range files {
		names = append(names, name)
		if err := s.addBlob(ctx, p.School, b); err != nil {
			return p, fmt.Errorf("keeping a proposal: %w", err)
		}
	}
	slices.Sort(names)
	err := s.write(ctx, func(tx *sql.Tx) error {
		var open int
		err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM proposals WHERE school_id = $1 AND state = 'open'`, p.School).Scan(&open)
		if err != nil {
			return err
		}
		if open >= openProposals {
			return ErrTooManyProposals
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO proposals (school_id, id, at, proposed_by, reason, necessity, base_epoch, base_serial,
			state, decided, decided_by, why, epoch, serial) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', 0, '', '', 0, 0)`,
			p.School, p.ID, micros(p.At), p.By, p.Reason, p.Necessity, int64(p.BaseEpoch), int64(p.BaseSerial))
		if err != nil {
			return err
		}
		for _, name := range names {
			sha := files[name].SHA256
			_, err := tx.ExecContext(ctx, `INSERT INTO proposal_files (school_id, proposal, name, sha256) VALUES ($1, $2, $3, $4)`,
				p.School, p.ID, name, sha[:])
			if err != nil {
				return err
			}
		}
		return note(ctx, tx, p.School, model.AuditRecord{
			At: p.At, Actor: model.UserActor(p.By), What: "rules.propose", Ref: model.ProposalRef(p.ID), Reason: p.Reason,
		})
	})
	if err != nil {
		return p, fmt.Errorf("keeping a proposal: %w", err)
	}
	return p, nil
}

// Proposal reads one proposal.
func (s *Store) Proposal(ctx context.Context, school model.SchoolID, id string) (model.Proposal, error) {
	p, err := scanProposal(s.reader.QueryRowContext(ctx, `SELECT `+proposalColumns+` FROM proposals WHERE school_id = $1 AND id = $2`, school, id))
	if err != nil {
		return model.Proposal{}, fmt.Errorf("reading a proposal: %w", missing(err))
	}
	return p, nil
}

// Proposals lists every proposal, newest first.
func (s *Store) Proposals(ctx context.Context, school model.SchoolID) ([]model.Proposal, error) {
	all, err := collect(ctx, s.reader, scanProposal,
		`SELECT `+proposalColumns+` FROM proposals WHERE school_id = $1 ORDER BY at DESC, id`, school)
	if err != nil {
		return nil, fmt.Errorf("listing proposals: %w", err)
	}
	return all, nil
}

// ProposalFiles reads what is proposed, by name.
func (s *Store) ProposalFiles(ctx context.Context, school model.SchoolID, id string) (map[string][]byte, error) {
	hashes := map[string][32]byte{}
	scan := func(row scanner) (struct{}, error) {
		var name string
		var sum []byte
		err := row.Scan(&name, &sum)
		if err == nil && len(sum) != sha256.Size {
			return struct{}{}, fmt.Errorf("the hash of %s is %d bytes long: restore the store from a backup", name, len(sum))
		}
		if err == nil {
			hashes[name] = [32]byte(sum)
		}
		return struct{}{}, err
	}
	_, err := collect(ctx, s.reader, scan, `SELECT name, sha256 FROM proposal_files WHERE school_id = $1 AND proposal = $2`, school, id)
	if err != nil {
		return nil, fmt.Errorf("reading what is proposed: %w", err)
	}
	files := map[string][]byte{}
	for name, sum := range hashes {
		if files[name], err = s.Blob(ctx, school, sum); err != nil {
			return nil, fmt.Errorf("reading what is proposed: %w", err)
		}
	}
	return files, nil
}

// WithdrawProposal ends an open proposal without publishing it.
func (s *Store) WithdrawProposal(ctx context.Context, school model.SchoolID, id, by, why string, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		err := decideProposal(ctx, tx, school, model.Proposal{ID: id, State: model.ProposalWithdrawn, Decided: now, DecidedBy: by, Why: why})
		if err != nil {
			return err
		}
		return note(ctx, tx, school, model.AuditRecord{
			At: now, Actor: model.UserActor(by), What: "rules.withdraw", Ref: model.ProposalRef(id), Reason: why,
		})
	})
	if err != nil {
		return fmt.Errorf("withdrawing a proposal: %w", err)
	}
	return nil
}

// decideProposal ends an open proposal. It is called within the transaction that
// does what was decided, so that of two who decide at once one is refused.
func decideProposal(ctx context.Context, tx *sql.Tx, school model.SchoolID, p model.Proposal) error {
	err := changedOne(tx.ExecContext(ctx, `UPDATE proposals SET state = $3, decided = $4, decided_by = $5, why = $6, epoch = $7, serial = $8
		WHERE school_id = $1 AND id = $2 AND state = 'open'`,
		school, p.ID, p.State, micros(p.Decided), p.DecidedBy, p.Why, int64(p.Epoch), int64(p.Serial)))
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM proposals WHERE school_id = $1 AND id = $2`, school, p.ID).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return ErrDecided
	}
	return ErrNotFound
}
