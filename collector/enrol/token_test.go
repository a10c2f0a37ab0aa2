package enrol_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"safelight/collector/enrol"
	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// readOnly is a store in which no token is good; writing panics.
type readOnly struct {
	failing
	asked int
}

func (r *readOnly) CheckToken(context.Context, model.SchoolID, []byte, time.Time) error {
	r.asked++
	return errors.Join(store.ErrTokenUnknown, model.ErrNotFound)
}

// TestAStrangerWithoutATokenHasNothingSignedOrWritten: the request that it comes
// with is not even looked at.
func TestAStrangerWithoutATokenHasNothingSignedOrWritten(t *testing.T) {
	kept := &readOnly{}
	s := enrol.NewService(school, nil, kept, refusals, nil, time.Now, quiet) // signing would panic too
	for _, request := range [][]byte{nil, []byte("no request"), csr(t, newKey(t))} {
		_, err := s.Enrol(t.Context(), &safelightv1.EnrolRequest{TokenSecret: pki.NewSecret(), CsrDer: request})
		wantStatus(t, err, codes.PermissionDenied, "not known")
	}
	if kept.asked != 3 {
		t.Errorf("asked for %d tokens", kept.asked)
	}
}

func TestGuessingTokensIsSlowedDownWithAClearAnswer(t *testing.T) {
	h := newHouse(t)
	conn := h.stranger().connect()
	ask := func(secret string) error {
		_, err := safelightv1.NewEnrolmentServiceClient(conn).Enrol(t.Context(), &safelightv1.EnrolRequest{TokenSecret: secret, CsrDer: csr(t, newKey(t))})
		return err
	}
	good := h.token(1, time.Hour)
	for range 19 { // somebody mistypes, again and again
		wantStatus(t, ask(pki.NewSecret()), codes.PermissionDenied, "not known")
	}
	must(t, ask(good)) // and still gets in
	slowed := 0
	for range 60 {
		if err := ask(pki.NewSecret()); err != nil && !isCode(err, codes.PermissionDenied) {
			wantStatus(t, err, codes.ResourceExhausted, "too many wrong tokens", "try again in")
			slowed++
		}
	}
	if slowed == 0 {
		t.Error("sixty guesses at once were all looked at")
	}
	wantDevices(h, 1)
}

// Behind one address of a school sit the pupil who guesses and the technician who
// rolls out.
func TestAPupilWhoGuessesTokensKeepsNoRollOutFromTheSameAddressOut(t *testing.T) {
	h := newHouse(t)
	pupil, rollOut := h.stranger().connect(), h.stranger().connect()
	ask := func(conn grpc.ClientConnInterface, secret string) error {
		_, err := safelightv1.NewEnrolmentServiceClient(conn).Enrol(t.Context(), &safelightv1.EnrolRequest{TokenSecret: secret, CsrDer: csr(t, newKey(t))})
		return err
	}
	for n := 0; !isCode(ask(pupil, pki.NewSecret()), codes.ResourceExhausted); n++ {
		if n == 100 {
			t.Fatal("a hundred guesses were not slowed down")
		}
	}
	good, short := h.token(5, time.Hour), h.token(1, time.Minute)
	for range 5 {
		must(t, ask(rollOut, good))
		if err := ask(pupil, pki.NewSecret()); !isCode(err, codes.ResourceExhausted) {
			t.Fatalf("a good token gave the guesser more tries: %v", err)
		}
	}
	wantDevices(h, 5)
	h.clock.pass(2 * time.Minute)
	wantStatus(t, ask(rollOut, good), codes.PermissionDenied, "used as often as it may be")
	wantStatus(t, ask(rollOut, short), codes.PermissionDenied, "has expired")
}

// A roll-out that goes on with a token of yesterday hears why each time, and uses
// up nobody's tries.
func TestATokenThatExpiredOrIsUsedUpIsNoGuess(t *testing.T) {
	h := newHouse(t)
	conn := h.stranger().connect()
	ask := func(secret string) error {
		_, err := safelightv1.NewEnrolmentServiceClient(conn).Enrol(t.Context(), &safelightv1.EnrolRequest{TokenSecret: secret, CsrDer: csr(t, newKey(t))})
		return err
	}
	expired, used := h.token(9, time.Minute), h.token(1, time.Hour)
	must(t, ask(used))
	h.clock.pass(2 * time.Minute)
	for range 60 {
		wantStatus(t, ask(expired), codes.PermissionDenied, "has expired")
		wantStatus(t, ask(used), codes.PermissionDenied, "used as often as it may be")
	}
	wantStatus(t, ask(pki.NewSecret()), codes.PermissionDenied, "not known")
}

// TestATokenThatWasEndedIsRefusedByName: whoever rolls out with it learns that it was
// no mistake of theirs, and it counts as no guess.
func TestATokenThatWasEndedIsRefusedByName(t *testing.T) {
	h := newHouse(t)
	secret := h.token(5, time.Hour)
	_, err := h.stranger().enrol(secret)
	must(t, err)
	tokens, err := h.store.Tokens(t.Context(), school)
	must(t, err)
	must(t, h.store.EndToken(t.Context(), school, tokens[0].ID, h.clock.now()))
	for range 40 {
		_, err = h.stranger().enrol(secret)
		wantStatus(t, err, codes.PermissionDenied, "this token was ended before its time", "ask for a new one")
	}
	wantDevices(h, 1)
}
