package watch_test

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

// TestADeviceThatTriesOneAccountAfterAnotherIsStopped: it may hold a certificate,
// and still not list the school's accounts.
func TestADeviceThatTriesOneAccountAfterAnotherIsStopped(t *testing.T) {
	asked := 0
	r := &rooms{resolve: func(string) (*safelightv1.ResolveAccountResponse, error) {
		asked++
		return &safelightv1.ResolveAccountResponse{}, nil
	}}
	c, _ := serve(t, r, true, quiet)
	var err error
	for n := 0; err == nil && n < 5000; n++ {
		_, err = c.ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: fmt.Sprint("pupil", n)})
	}
	wantStatus(t, err, codes.ResourceExhausted, "too many accounts that nobody has: try again in")
	if asked < 1000 || asked > 1500 {
		t.Errorf("%d accounts were looked up, want a morning's thousand", asked)
	}
	retry := false
	for _, d := range status.Convert(err).Details() {
		info, ok := d.(*errdetails.RetryInfo)
		retry = retry || ok && info.GetRetryDelay().AsDuration() > 0
	}
	if !retry {
		t.Error("it is not told when to try again")
	}
	// Nor is it answered about the accounts that there are: that would tell which
	// of its guesses was right.
	nobody, somebody := r.resolve, func(string) (*safelightv1.ResolveAccountResponse, error) {
		return &safelightv1.ResolveAccountResponse{Known: true}, nil
	}
	for try := 0; ; try++ { // the clock may have given a guess back meanwhile
		r.resolve = somebody
		if _, err = c.ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "teacher"}); err != nil || try == 50 {
			break
		}
		r.resolve = nobody
		_, _ = c.ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "guess"})
	}
	wantStatus(t, err, codes.ResourceExhausted, "too many accounts that nobody has")
}

// Who follows the filter's log of a large school asks for every account there is
// in one morning. Staff whose account is not answered are judged as pupils.
func TestG09WhoFollowsALogForALargeSchoolIsToldOfEveryAccount(t *testing.T) {
	asked := 0
	r := &rooms{resolve: func(account string) (*safelightv1.ResolveAccountResponse, error) {
		asked++
		return &safelightv1.ResolveAccountResponse{Known: !strings.HasPrefix(account, "guest"), Role: "staff"}, nil
	}}
	c, _ := serve(t, r, true, quiet)
	for n := range 5000 {
		resp, err := c.ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: fmt.Sprint("teacher", n)})
		if must(t, err); resp.GetRole() != "staff" {
			t.Fatalf("account %d is answered %v", n, resp)
		}
		if n%10 == 0 { // and some that no roster has
			_, err := c.ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: fmt.Sprint("guest", n)})
			must(t, err)
		}
	}
	if asked != 5500 {
		t.Errorf("%d accounts were looked up, want 5500", asked)
	}
}

func TestADeviceThatAsksForAccountsWithoutEndReadsTheStoreNoMore(t *testing.T) {
	r := &rooms{resolve: func(string) (*safelightv1.ResolveAccountResponse, error) {
		return &safelightv1.ResolveAccountResponse{Known: true}, nil
	}}
	c, _ := serve(t, r, true, quiet)
	var err error
	for n := 0; err == nil && n < 60_000; n++ {
		_, err = c.ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "teacher"})
	}
	wantStatus(t, err, codes.ResourceExhausted, "too many accounts: try again in")
}

func TestADeviceThatFetchesWithoutEndReadsTheStoreNoMore(t *testing.T) {
	read := 0
	r := &rooms{blob: func(model.SchoolID, [32]byte) ([]byte, error) { read++; return []byte("x"), nil }}
	c, _ := serve(t, r, true, quiet)
	sum := sha256.Sum256([]byte("x"))
	var err error
	for n := 0; err == nil && n < 2000; n++ {
		_, err = fetch(t, c, sum[:], 0)
	}
	wantStatus(t, err, codes.ResourceExhausted, "too many files")
	if read < 256 || read > 400 {
		t.Errorf("the store was read %d times", read)
	}
}

func TestWhatNoAgentSaysOfItselfIsNotKept(t *testing.T) {
	r := &rooms{gone: func(string) {}} // keeping any of it would panic
	c, _ := serve(t, r, true, quiet)
	for what, st := range map[string]*safelightv1.AgentStatus{
		"status":   {Hello: &safelightv1.Hello{}, Hostname: strings.Repeat("x", 140_000)},
		"instance": {Hello: &safelightv1.Hello{}, Instance: make([]byte, 65)},
	} {
		stream, err := c.Watch(t.Context())
		must(t, err)
		must(t, stream.Send(st))
		_, err = stream.Recv()
		wantStatus(t, err, codes.InvalidArgument, what)
	}
}

// TestAFloodOfHeartbeatsIsTakenInSlowly: beyond a burst it waits on its own
// connection, and what it says fills no log.
func TestAFloodOfHeartbeatsIsTakenInSlowly(t *testing.T) {
	var mu sync.Mutex
	var logged strings.Builder
	heard := make(chan struct{}, 10_000)
	r := &rooms{
		signed: func() *safelightv1.SignedManifest { return nil },
		status: func(string, *safelightv1.AgentStatus) { heard <- struct{}{} }, gone: func(string) {},
	}
	log := slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return logged.Write(p) }), nil))
	c, _ := serve(t, r, true, log)
	stream, err := c.Watch(t.Context())
	must(t, err)
	must(t, stream.Send(&safelightv1.AgentStatus{Hello: &safelightv1.Hello{}}))
	began := time.Now()
	bad := &safelightv1.AgentStatus{Results: []*safelightv1.DirectiveResult{{Status: safelightv1.DirectiveResult_STATUS_FAILED, Detail: "cannot"}}}
	for range 500 { // what waits lies in the stream's window
		must(t, stream.Send(bad))
	}
	for range 55 {
		<-heard
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("55 heartbeats were taken in within %s", took) // never fails on a slow machine
	}
	mu.Lock()
	defer mu.Unlock()
	if n := strings.Count(logged.String(), "could not do"); n != 20 {
		t.Errorf("%d lines were logged, want 20", n)
	}
}
