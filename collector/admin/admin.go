// Package admin is every verb of safelight-collector that needs the school's
// store, written once: an HTTP handler that serves the owner-only admin socket
// while `serve` runs, and that the same verbs call in their own process when it
// does not. Verbs that print people go through --as and the same rules of sight
// as the console (G3). Only collector/server and the collector's main use it.
package admin

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"safelight/collector/model"
)

// maxRequest bounds a request: a rule pack or a roster of a large trust.
const maxRequest = 64 << 20

// Store is what the verbs read and write.
type Store interface {
	School(ctx context.Context, id model.SchoolID) (model.School, error)
	AddToken(ctx context.Context, t model.Token) error
	Tokens(ctx context.Context, school model.SchoolID) ([]model.Token, error)
	EndToken(ctx context.Context, school model.SchoolID, id string, now time.Time) error
	Device(ctx context.Context, school model.SchoolID, id string) (model.Device, error)
	Devices(ctx context.Context, school model.SchoolID) ([]model.Device, error)
	// LeaveForSplits lets more copies of a device's family become devices of their own
	// for a day, and returns the family's first.
	LeaveForSplits(ctx context.Context, school model.SchoolID, device string, more int, now time.Time) (origin string, err error)
	RevokeDevice(ctx context.Context, school model.SchoolID, id string, now time.Time) error
	// CopiesOf lists what came of a device's copies and is not revoked; RevokeCopies
	// revokes it, with a line on record for each.
	CopiesOf(ctx context.Context, school model.SchoolID, device string) ([]model.Device, error)
	RevokeCopies(ctx context.Context, school model.SchoolID, r model.RevokeCopies, now time.Time) ([]string, error)
	AddUser(ctx context.Context, u model.User) error
	Users(ctx context.Context, school model.SchoolID) ([]model.User, error)
	UserByName(ctx context.Context, school model.SchoolID, name string) (model.User, error)
	UserByEmail(ctx context.Context, school model.SchoolID, email string) (model.User, error)
	UserByToken(ctx context.Context, school model.SchoolID, hash []byte) (model.User, error)
	UserByID(ctx context.Context, school model.SchoolID, id string) (model.User, error)
	DisableUser(ctx context.Context, school model.SchoolID, id string) error
	People
	PolicyHistory(ctx context.Context, school model.SchoolID) ([]model.PolicyVersion, error)
	Proposal(ctx context.Context, school model.SchoolID, id string) (model.Proposal, error)
	Proposals(ctx context.Context, school model.SchoolID) ([]model.Proposal, error)
	AlertsFor(ctx context.Context, school model.SchoolID, user model.User, since time.Time) ([]model.Alert, error)
	EventsFor(ctx context.Context, school model.SchoolID, user model.User, since time.Time) ([]model.Event, error)
	// Outcomes are what alerts came to, of those that the person may see.
	Outcomes(ctx context.Context, school model.SchoolID, user model.User) (map[string]model.AlertOutcome, error)
	Notifications(ctx context.Context, school model.SchoolID, ref string) ([]model.Notification, error)
	Subject(ctx context.Context, school model.SchoolID, id string) (model.Subject, error)
	AlertFor(ctx context.Context, school model.SchoolID, user model.User, ref string) (model.Alert, error)
	SubjectByAccount(ctx context.Context, school model.SchoolID, account string) (model.Subject, bool, error)
	EraseSubject(ctx context.Context, school model.SchoolID, id, reason string, now time.Time) error
	// RecordAccess puts a look on record; it is on disk when it returns.
	RecordAccess(ctx context.Context, a model.Access) error
}

// Parts are what the verbs are built of.
type Parts struct {
	School model.SchoolID
	Store  Store
	Rules  Rules
	Keys   Keys
	Audit  Audit
	Root   *x509.Certificate
	// RootNow, where set, is asked instead of Root: keys are rotated.
	RootNow func() *x509.Certificate
	// ServerName stands in tokens, with the addresses agents call.
	ServerName string
	Addresses  []string
	// ConsoleURL is where a new user's one-time link leads.
	ConsoleURL string
	// ReadRoster reads a roster's CSV; its errors name the line.
	ReadRoster func(name string, data []byte) (model.Roster, error)
	// Desk sets hours and sites, and gives leave.
	Desk Desk
	// Fleet knows devices, and what the school issues.
	Fleet Fleet
	// Checks is the ledger of weekly checks.
	Checks Checks
	Zone   *time.Location // the school's; nil: UTC
	// NotFound is the store's error for what is not there.
	NotFound error
	// Backup takes a snapshot for a backup that opens to the recovery key and to
	// one reader.
	Backup func(ctx context.Context, reader string) (PreparedBackup, error)
	// Keyring seals the keyring, and remembers the folder that it goes into where
	// one is given.
	Keyring func(ctx context.Context, place string) (Keyring, error)
	// Lists keeps the lists that rules subscribe to.
	Lists Lists
	// RemoveOld removes a trial's old data.
	RemoveOld func(ctx context.Context, dry bool) (model.Removed, error)
	// Changed is called after a verb changed what a running collector holds.
	Changed func()
	Now     func() time.Time
	Log     *slog.Logger
}

// Admin answers the verbs.
type Admin struct{ Parts }

// New makes the verbs of one school.
func New(p Parts) *Admin { return &Admin{p} }

// usageError is the caller's mistake; everything else is a failure.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Handler serves POST /v1/VERB with a JSON request; the answer is a JSON
// document a line.
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	handle(mux, "token/create", a.tokenCreate)
	handle(mux, "token/list", reading(a, "tokens", a.tokenList))
	handle(mux, "token/end", a.tokenEnd)
	handle(mux, "device/list", reading(a, "devices", a.deviceList))
	handle(mux, "device/revoke", a.deviceRevoke)
	handle(mux, "device/import", a.deviceImport)
	handle(mux, "device/expect", a.deviceExpect)
	handle(mux, "device/split", a.deviceSplit)
	handle(mux, "coverage", reading(a, "coverage", a.coverage))
	handle(mux, "user/add", a.userAdd)
	handle(mux, "user/list", reading(a, "users", a.userList))
	handle(mux, "user/disable", a.userDisable)
	handle(mux, "roster/import", a.rosterImport)
	handle(mux, "timetable/import", a.timetableImport)
	handle(mux, "site/list", reading(a, "sites", a.siteList))
	handle(mux, "site/set", a.siteSet)
	handle(mux, "exemption/grant", a.exemptionGrant)
	handle(mux, "exemption/end", a.exemptionEnd)
	handle(mux, "exemption/list", reading(a, "exemptions", a.exemptionList))
	handle(mux, "key/rotate", changing(a, keyEvent, a.keyRef, a.keyRotate))
	a.ruleVerbs(mux)
	a.listVerbs(mux)
	a.checkVerbs(mux)
	handle(mux, "events", a.events)
	handle(mux, "alerts", a.alerts)
	mux.HandleFunc("POST /v1/backup", a.lookFirst("backup", a.backup))
	handle(mux, "keyring", reading(a, "keyring", a.keyring))
	handle(mux, "subject/erase", a.subjectErase)
	handle(mux, "retention/run", a.retentionRun)
	handle(mux, "audit/verify", a.auditVerify)
	handle(mux, "audit/export", a.auditExport)
	handle(mux, "audit/erase", a.auditErase)
	handle(mux, "audit/accept-restore", a.auditAccept)
	return mux
}

// handle turns a verb into a handler. A verb returns the documents to print.
func handle[Req any, Doc any](mux *http.ServeMux, verb string, do func(ctx context.Context, req Req) ([]Doc, error)) {
	mux.HandleFunc("POST /v1/"+verb, func(w http.ResponseWriter, r *http.Request) {
		var req Req
		if err := decode(http.MaxBytesReader(w, r.Body, maxRequest), &req); err != nil {
			refuse(w, usagef("reading the request: %w", err))
			return
		}
		docs, err := do(acting(r.Context()), req)
		if err != nil {
			refuse(w, err)
			return
		}
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		for _, doc := range docs {
			if err := enc.Encode(doc); err != nil {
				refuse(w, fmt.Errorf("writing the answer: %w", err))
				return
			}
		}
		w.Header().Set("Content-Type", "application/jsonl")
		_, _ = w.Write(out.Bytes()) // the client left: nobody to tell
	})
}

// decode reads exactly one document, and nothing that the verb does not know.
func decode(r io.Reader, req any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(req); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the document")
	}
	return nil
}

func refuse(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	var usage usageError
	if errors.As(err, &usage) {
		code = http.StatusBadRequest
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(failure{err.Error()})
}

type failure struct {
	Error string `json:"error"`
}

// one is the usual answer: a single document.
func one[Doc any](d Doc) []Doc { return []Doc{d} }

type callerKey struct{}

// WithCaller names who calls, for the record: the operating-system user.
func WithCaller(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, callerKey{}, who)
}

func caller(ctx context.Context) string {
	if who, ok := ctx.Value(callerKey{}).(string); ok {
		return "command line as " + who
	}
	return "command line"
}

// acting says who stands behind what a verb changes, for the record.
func acting(ctx context.Context) context.Context {
	who, _ := ctx.Value(callerKey{}).(string)
	return model.WithActor(ctx, model.Actor{Who: model.SystemActor(who), Via: caller(ctx)})
}
