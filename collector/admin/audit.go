package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
)

// Audit is the record.
type Audit interface {
	// Verify says what is wrong with the record, held against checkpoints that
	// others kept, by who kept them.
	Verify(ctx context.Context, held map[string][]byte) (AuditReport, error)
	// Rows lists records from an index on, each with its text decoded unless
	// it was erased.
	Rows(ctx context.Context, from int64, limit int) ([]AuditRow, error)
	// Checkpoints lists the signed checkpoints over sizes above over.
	Checkpoints(ctx context.Context, over int64, limit int) ([]model.AuditCheckpoint, error)

	Record(ctx context.Context, r model.AuditRecord) error
	Erase(ctx context.Context, index int64, by model.Actor) error
	// AcceptRestore puts a person's acceptance of a restore on record, with the
	// recovery key in a file, or at its usual place where recovery is empty. from
	// is negative for the last restore on record.
	AcceptRestore(ctx context.Context, from int64, recovery string, by model.Actor, kept []byte) (AuditRestore, error)
	// Proofs shows that what devices hold is continued by the record over size
	// records.
	Proofs(ctx context.Context, size int64) ([]AuditProof, error)
	// Key checks the checkpoints' signatures.
	Key() string
	// RecoveryKey names the school's recovery key.
	RecoveryKey() string
}

// AuditReport is what verifying found.
type AuditReport struct {
	Records  int64
	Erased   int64
	Root     string
	Signed   time.Time
	Newest   []byte
	Held     int // connected devices whose checkpoints the record continues
	Restores []AuditRestore
	Problems []string
}

// AuditRestore is where the record was taken up again from an older copy.
type AuditRestore struct {
	From     int64     `json:"from"` // how many records the copy had
	Restored time.Time `json:"restored"`
	At       time.Time `json:"at"` // of its acceptance; else of the restore
	By       string    `json:"by"`
	Reason   string    `json:"reason"`
	Accepted bool      `json:"accepted"`
	Missing  int64     `json:"missing"` // records that others' checkpoints know of
}

// AuditProof is a consistency proof (RFC 6962, 2.1.2): the record over Of records
// begins with the one that the checkpoint over Size was signed over.
type AuditProof struct {
	Size       int64    `json:"size"`
	Of         int64    `json:"of"`
	Checkpoint string   `json:"checkpoint"`
	Hashes     [][]byte `json:"hashes"`
	Devices    int      `json:"devices"` // that hold it now
}

// AuditRow is a stored record and what it says.
type AuditRow struct {
	model.AuditRow
	Says model.AuditRecord
}

// AuditVerify asks whether the record is whole. Checkpoint, where given, is one
// that was kept elsewhere, and From says where.
type AuditVerify struct {
	Checkpoint []byte `json:"checkpoint,omitempty"`
	From       string `json:"from,omitempty"`
}

// AuditVerified is the answer where nothing is wrong.
type AuditVerified struct {
	Records    int64      `json:"records"`
	Erased     int64      `json:"erased"`
	Root       string     `json:"root"`
	Signed     *time.Time `json:"signed"`
	Checkpoint string     `json:"checkpoint"`
	// Held counts connected devices whose checkpoints the record continues.
	Held     int            `json:"held"`
	Restores []AuditRestore `json:"restores,omitempty"`
	// RecoveryKey names the key that restores are accepted with.
	RecoveryKey string `json:"recovery_key,omitempty"`
}

func (a *Admin) auditVerify(ctx context.Context, req AuditVerify) ([]AuditVerified, error) {
	held := map[string][]byte{}
	if len(req.Checkpoint) > 0 {
		held[req.From] = req.Checkpoint
	}
	r, err := a.Audit.Verify(ctx, held)
	if err != nil {
		return nil, err
	}
	hint := ""
	if slices.ContainsFunc(r.Restores, func(o AuditRestore) bool { return !o.Accepted }) {
		hint = "; a restore is on record that nobody has accepted: if it was right, `audit accept-restore`"
	}
	switch n := len(r.Problems); {
	case n == 1:
		return nil, fmt.Errorf("the record is not whole: %s%s", r.Problems[0], hint)
	case n > 1:
		return nil, fmt.Errorf("the record is not whole: %s (and %d more)%s", r.Problems[0], n-1, hint)
	}
	return one(AuditVerified{
		Records: r.Records, Erased: r.Erased, Root: r.Root, Signed: timeOrNil(r.Signed), Checkpoint: string(r.Newest),
		Held: r.Held, Restores: r.Restores, RecoveryKey: a.Audit.RecoveryKey(),
	}), nil
}

// AuditExport asks for a page of the record, from an index on.
type AuditExport struct {
	As   string `json:"as"`
	From int64  `json:"from"`
}

// AuditLine is a line of an export: a record, a checkpoint, or, last in each
// page, where the next begins. A record without text was erased, or is about an
// alert that the person may not see.
type AuditLine struct {
	Index      *int64          `json:"index,omitempty"`
	Leaf       []byte          `json:"leaf,omitempty"`
	Salt       []byte          `json:"salt,omitempty"`
	Record     json.RawMessage `json:"record,omitempty"`
	Checkpoint string          `json:"checkpoint,omitempty"`
	Key        string          `json:"key,omitempty"`
	Proof      *AuditProof     `json:"proof,omitempty"`
	Next       *int64          `json:"next,omitempty"`
}

// exportPage is how many records one request answers.
const exportPage = 5000

// exporters are the duties that may read the record.
var exporters = []model.Duty{model.DutyDSL, model.DutyDeputy, model.DutyHead}

func (a *Admin) auditExport(ctx context.Context, req AuditExport) ([]AuditLine, error) {
	u, err := a.person(ctx, req.As)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(exporters, u.Duty) {
		return nil, usagef("exporting the record: it is for %v; --as gave a person with the duty %q", exporters, u.Duty)
	}
	if err := a.Store.RecordAccess(ctx, model.Access{School: a.School, At: a.Now(), User: u.ID, What: "audit", From: caller(ctx)}); err != nil {
		return nil, fmt.Errorf("recording who looks: %w", err)
	}
	rows, err := a.Audit.Rows(ctx, req.From, exportPage)
	if err != nil {
		return nil, fmt.Errorf("exporting the record: %w", err)
	}
	visible := once(func(ref string) (bool, error) { return a.visible(ctx, u, ref) })
	next := req.From
	var lines []AuditLine
	for _, row := range rows {
		line := AuditLine{Index: &row.Index, Leaf: row.Leaf}
		shown, err := visible(row.Says.Ref)
		if err != nil {
			return nil, fmt.Errorf("exporting the record: %w", err)
		}
		if shown && row.Erased == "" {
			line.Salt, line.Record = row.Salt, row.Record
		}
		lines = append(lines, line)
		next = row.Index + 1
	}
	if len(rows) == exportPage {
		return append(lines, AuditLine{Next: &next}), nil
	}
	return a.exportCheckpoints(ctx, lines, next)
}

// exportCheckpoints ends the last page.
func (a *Admin) exportCheckpoints(ctx context.Context, lines []AuditLine, size int64) ([]AuditLine, error) {
	for over := int64(0); ; {
		signed, err := a.Audit.Checkpoints(ctx, over, exportPage)
		if err != nil {
			return nil, fmt.Errorf("exporting checkpoints: %w", err)
		}
		for _, c := range signed {
			if over = c.Size; c.Size <= size {
				lines = append(lines, AuditLine{Checkpoint: string(c.Note)})
			}
		}
		if len(signed) == exportPage {
			continue
		}
		proofs, err := a.Audit.Proofs(ctx, size)
		if err != nil {
			return nil, fmt.Errorf("exporting what devices hold: %w", err)
		}
		for _, p := range proofs {
			lines = append(lines, AuditLine{Proof: &p})
		}
		return append(lines, AuditLine{Key: a.Audit.Key()}), nil
	}
}

// visible says whether a record about something may be shown to a person: one
// about an alert only to whom the alert may be (G3).
func (a *Admin) visible(ctx context.Context, u model.User, about string) (bool, error) {
	ref, isAlert := strings.CutPrefix(about, model.AlertRef(""))
	if !isAlert {
		return true, nil
	}
	_, err := a.Store.AlertFor(ctx, a.School, u, ref)
	if errors.Is(err, a.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// AuditErase asks for a record's text to be taken away.
type AuditErase struct {
	As     string `json:"as"`
	Index  int64  `json:"index"`
	Reason string `json:"reason"`
}

func (a *Admin) auditErase(ctx context.Context, req AuditErase) ([]Done, error) {
	u, err := a.person(ctx, req.As)
	if err != nil {
		return nil, err
	}
	if u.Duty != model.DutyDSL {
		return nil, usagef("erasing a record: %s does it; --as gave a person with the duty %q", model.DutyDSL, u.Duty)
	}
	if strings.TrimSpace(req.Reason) == "" {
		return nil, usagef("erasing a record: --reason: say why; it is kept")
	}
	err = a.Audit.Erase(ctx, req.Index, model.Actor{Who: model.UserActor(u.ID), Via: caller(ctx), Reason: req.Reason})
	if err != nil {
		return nil, err
	}
	return one(Done{fmt.Sprintf("erased record %d; its leaf stays, and who erased it and why is on record", req.Index)}), nil
}

// AuditAccept asks for a restore to be accepted.
type AuditAccept struct {
	As       string `json:"as"`
	Reason   string `json:"reason"`
	Recovery string `json:"recovery,omitempty"` // the recovery key's file
	From     *int64 `json:"from,omitempty"`     // nil: the last restore on record
	// Checkpoint, where given, is one of what was lost, kept elsewhere.
	Checkpoint []byte `json:"checkpoint,omitempty"`
}

// accepters are the duties that may accept a restore.
var accepters = []model.Duty{model.DutyDSL, model.DutyHead}

func (a *Admin) auditAccept(ctx context.Context, req AuditAccept) ([]AuditRestore, error) {
	u, err := a.person(ctx, req.As)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(accepters, u.Duty) {
		return nil, usagef("accepting a restore: it is for %v; --as gave a person with the duty %q", accepters, u.Duty)
	}
	if strings.TrimSpace(req.Reason) == "" {
		return nil, usagef("accepting a restore: --reason: say why; it is kept")
	}
	from := int64(-1)
	if req.From != nil {
		if from = *req.From; from < 0 {
			return nil, usagef("accepting a restore: --from %d: want how many records the restored database had", from)
		}
	}
	r, err := a.Audit.AcceptRestore(ctx, from, req.Recovery, model.Actor{Who: model.UserActor(u.ID), Via: caller(ctx), Reason: req.Reason}, req.Checkpoint)
	if err != nil {
		return nil, usageError{err}
	}
	a.Log.WarnContext(ctx, "a restore was accepted", "from", r.From)
	return one(r), nil
}

// reading puts on record that somebody at the command line looked, before they
// are shown anything: for verbs that ask for no --as.
func reading[Req, Doc any](a *Admin, what string, do func(context.Context, Req) ([]Doc, error)) func(context.Context, Req) ([]Doc, error) {
	return func(ctx context.Context, req Req) ([]Doc, error) {
		if err := a.Store.RecordAccess(ctx, model.Access{School: a.School, At: a.Now(), What: what, From: caller(ctx)}); err != nil {
			return nil, fmt.Errorf("recording who looks: %w", err)
		}
		return do(ctx, req)
	}
}

// lookFirst is reading for a verb that answers with a stream.
func (a *Admin) lookFirst(what string, do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx := acting(r.Context())
		if err := a.Store.RecordAccess(ctx, model.Access{School: a.School, At: a.Now(), What: what, From: caller(ctx)}); err != nil {
			refuse(w, fmt.Errorf("recording who looks: %w", err))
			return
		}
		do(w, r.WithContext(ctx))
	}
}

// changing puts a change of what does not lie in the store on record: before it
// is made, since no transaction holds the two together, and how it ended.
func changing[Req, Doc any](a *Admin, what, ref func(Req) string, do func(context.Context, Req) ([]Doc, error)) func(context.Context, Req) ([]Doc, error) {
	return func(ctx context.Context, req Req) ([]Doc, error) {
		by := model.ActorOf(ctx)
		r := model.AuditRecord{At: a.Now(), Actor: by.Who, Via: by.Via, What: what(req), Ref: ref(req), Outcome: "begun"}
		if err := a.Audit.Record(ctx, r); err != nil {
			return nil, fmt.Errorf("recording a change: %w", err)
		}
		docs, err := do(ctx, req)
		r.At, r.Ref, r.Outcome = a.Now(), ref(req), "done"
		if err != nil {
			r.Outcome = "failed"
		}
		return docs, errors.Join(err, a.Audit.Record(ctx, r))
	}
}
