package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"safelight/collector/model"
)

// Lists keeps the lists of names that rules subscribe to.
type Lists interface {
	Standing(ctx context.Context) ([]model.ListStanding, error)
	Refresh(ctx context.Context, id string, tell func(model.ListStep)) (model.ListResult, error)
	Import(ctx context.Context, id, name string, size int64, in io.Reader, tell func(model.ListStep)) (model.ListResult, error)
	Accept(ctx context.Context, id string) (model.ListResult, error)
	// Publish makes rules of what has changed.
	Publish(ctx context.Context) error
}

func (a *Admin) listVerbs(mux *http.ServeMux) {
	handle(mux, "lists", reading(a, "lists", a.lists))
	handle(mux, "lists/accept", a.listsAccept)
	mux.HandleFunc("POST /v1/lists/refresh", a.listsRefresh)
	mux.HandleFunc("POST /v1/lists/import", a.listsImport)
}

func (a *Admin) lists(ctx context.Context, _ Nothing) ([]model.ListStanding, error) {
	all, err := a.Lists.Standing(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading lists: %w", err)
	}
	return all, nil
}

// ListLine is a line of the answer to `lists refresh` and `lists import`: how far
// it is, what came of one list, or why one failed.
type ListLine struct {
	Step   *model.ListStep   `json:"step,omitempty"`
	List   string            `json:"list,omitempty"`
	Result *model.ListResult `json:"result,omitempty"`
	Failed string            `json:"failed,omitempty"`
}

// ListsAccept asks for a version that a guard refused to be put in force.
type ListsAccept struct {
	List   string `json:"list"`
	As     string `json:"as"`
	Reason string `json:"reason"`
}

// accepting are the duties that may. A list that lost most of its names lowers the
// guard, and one that doubled widens it: IT brings lists, and does not by itself
// decide about them (G7).
var accepting = []model.Duty{model.DutyDSL, model.DutyDeputy}

func (a *Admin) listsAccept(ctx context.Context, req ListsAccept) ([]model.ListResult, error) {
	u, err := a.person(ctx, req.As)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(accepting, u.Duty) {
		return nil, usagef("accepting a list: it is for the duties %v; --as gave a person with the duty %q", accepting, u.Duty)
	}
	if strings.TrimSpace(req.Reason) == "" {
		return nil, usagef("accepting a list: give --reason WHY; it is kept with the record")
	}
	if err := why("accepting a list", "--reason", req.Reason); err != nil {
		return nil, err
	}
	ctx = model.WithActor(ctx, model.Actor{Who: model.UserActor(u.ID), Via: caller(ctx), Reason: req.Reason})
	r, err := a.Lists.Accept(ctx, req.List)
	if err != nil {
		return nil, err
	}
	return one(r), a.listsChanged(ctx)
}

// listsChanged makes rules of what a person changed. What fails is tried again by
// the running collector; the list itself is in force.
func (a *Admin) listsChanged(ctx context.Context) error {
	defer a.Changed()
	if err := a.Lists.Publish(ctx); err != nil {
		return fmt.Errorf("the list is taken; making rules of it failed, and is tried again by itself: %w", err)
	}
	return nil
}

// ListsRefresh asks for lists to be fetched now; without an id, for all.
type ListsRefresh struct {
	List string `json:"list,omitempty"`
}

func (a *Admin) listsRefresh(w http.ResponseWriter, r *http.Request) {
	var req ListsRefresh
	if err := decode(http.MaxBytesReader(w, r.Body, maxRequest), &req); err != nil {
		refuse(w, usagef("reading the request: %w", err))
		return
	}
	ctx := acting(r.Context())
	ids := []string{req.List}
	if req.List == "" {
		var err error
		if ids, err = a.subscribed(ctx); err != nil {
			refuse(w, err)
			return
		}
	}
	if err := a.recordList(ctx, "list.refresh", req.List); err != nil {
		refuse(w, err)
		return
	}
	to := answerLines(w)
	failed := 0
	var last error
	for _, id := range ids {
		result, err := a.Lists.Refresh(ctx, id, to.step)
		to.outcome(id, result, err)
		if err != nil {
			failed, last = failed+1, err
		}
	}
	if failed > 1 {
		last = fmt.Errorf("%d of %d lists failed; their last good versions stay in force", failed, len(ids))
	}
	to.end(errors.Join(last, a.listsChanged(ctx)))
}

// subscribed are the ids of the lists that the rules in force subscribe to.
func (a *Admin) subscribed(ctx context.Context) ([]string, error) {
	all, err := a.Lists.Standing(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading lists: %w", err)
	}
	var ids []string
	for _, s := range all {
		if s.Category != "" {
			ids = append(ids, s.ID)
		}
	}
	if len(ids) == 0 {
		return nil, usagef("refreshing lists: the rules in force subscribe to none; `lists` shows what is kept")
	}
	return ids, nil
}

// recordList puts on record that somebody asked, whatever comes of it.
func (a *Admin) recordList(ctx context.Context, what, id string) error {
	by := model.ActorOf(ctx)
	err := a.Audit.Record(ctx, model.AuditRecord{At: a.Now(), Actor: by.Who, Via: by.Via, What: what, Ref: model.ListRef(id), Outcome: "begun"})
	if err != nil {
		return fmt.Errorf("recording a change: %w", err)
	}
	return nil
}

// bringing are the duties that may bring a list's file.
var bringing = []model.Duty{model.DutyDSL, model.DutyDeputy, model.DutyIT}

// asHeader holds who brings it: not in the query, which is more easily written down.
const asHeader = "Safelight-As"

// listsImport takes the bytes of a list. What they are is in the query: list,
// name, size.
func (a *Admin) listsImport(w http.ResponseWriter, r *http.Request) {
	id, name := r.URL.Query().Get("list"), r.URL.Query().Get("name")
	size, err := strconv.ParseInt(r.URL.Query().Get("size"), 10, 64)
	if err != nil || size < 0 || oddText(name) || len(name) > 200 || oddText(id) || len(id) > 100 {
		refuse(w, usagef("importing a list: want its id, and a file with a name of at most 200 characters of plain text"))
		return
	}
	u, err := a.person(r.Context(), r.Header.Get(asHeader))
	if err == nil && !slices.Contains(bringing, u.Duty) {
		err = usagef("importing a list: it is for the duties %v; --as gave a person with the duty %q", bringing, u.Duty)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	ctx := model.WithActor(r.Context(), model.Actor{Who: model.UserActor(u.ID), Via: caller(r.Context())})
	if err := a.recordList(ctx, "list.import", id); err != nil {
		refuse(w, err)
		return
	}
	// It may be long, and have to wait for another list.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // a handler called directly has none
	to := answerLines(w)
	result, err := a.Lists.Import(ctx, id, name, size, r.Body, func(s model.ListStep) {
		if s.Phase != "fetching" { // nothing is answered before all is read
			to.step(s)
		}
	})
	to.outcome(id, result, err)
	switch {
	case err != nil:
	case result.Outcome == "refused":
		err = errors.New("the file is not taken, and the version before stays in force")
	default:
		err = a.listsChanged(ctx)
	}
	to.end(err)
}

// lineAnswer writes an answer line by line as it comes about.
type lineAnswer struct {
	w   http.ResponseWriter
	out *json.Encoder
}

func answerLines(w http.ResponseWriter) *lineAnswer {
	w.Header().Set("Content-Type", "application/jsonl")
	w.Header().Set("Trailer", errorTrailer)
	return &lineAnswer{w, json.NewEncoder(w)}
}

func (l *lineAnswer) line(doc ListLine) {
	_ = l.out.Encode(doc)                       // the caller left: nobody to tell
	_ = http.NewResponseController(l.w).Flush() // a handler called directly needs none
}

func (l *lineAnswer) step(s model.ListStep) { l.line(ListLine{Step: &s}) }

func (l *lineAnswer) outcome(id string, r model.ListResult, err error) {
	if err != nil {
		l.line(ListLine{List: id, Failed: err.Error()})
		return
	}
	l.line(ListLine{List: id, Result: &r})
}

func (l *lineAnswer) end(err error) {
	if err != nil {
		l.w.Header().Set(errorTrailer, strconv.Quote(err.Error()))
	}
}

// SendList sends a list's file for whoever as signs in, and returns the lines of the answer as they come;
// where the collector could not finish, the last read says why. The caller closes
// it.
func (c *Client) SendList(ctx context.Context, as, id, name string, size int64, file io.Reader) (io.ReadCloser, error) {
	query := url.Values{"list": {id}, "name": {name}, "size": {strconv.FormatInt(size, 10)}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://admin/v1/lists/import?"+query.Encode(), io.NopCloser(file))
	if err != nil {
		return nil, err
	}
	r.Header.Set(asHeader, as)
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("asking the collector: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, refused(resp)
	}
	return &whole{resp}, nil
}
