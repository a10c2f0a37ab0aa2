package store

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"safelight/collector/model"
)

func TestOneTimeLinkWorksOnce(t *testing.T) {
	s := openStore(t)
	u := model.User{
		School: school, ID: "u1", Name: "Invented", Email: "u1@school.example", Duty: model.DutyDSL,
		LinkHash: []byte("link"), LinkExpires: noon.Add(time.Hour), TokenHash: []byte("token"), Created: noon,
	}
	must(t, s.AddUser(t.Context(), u))
	for name, find := range map[string]func() (model.User, error){
		"link":  func() (model.User, error) { return s.UserByLink(t.Context(), school, []byte("link")) },
		"token": func() (model.User, error) { return s.UserByToken(t.Context(), school, []byte("token")) },
		"email": func() (model.User, error) { return s.UserByEmail(t.Context(), school, "u1@school.example") },
		"name":  func() (model.User, error) { return s.UserByName(t.Context(), school, "Invented") },
	} {
		if got, err := find(); err != nil || !reflect.DeepEqual(got, u) {
			t.Errorf("by %s: %+v, %v; want %+v", name, got, err, u)
		}
	}
	if err := s.SetPassword(t.Context(), school, "u1", "late", noon.Add(2*time.Hour)); !errors.Is(err, ErrNotFound) {
		t.Errorf("expired link: %v", err)
	}
	var wins, losses int
	var mu sync.Mutex
	var both sync.WaitGroup
	for i := range 2 {
		both.Go(func() {
			err := s.SetPassword(t.Context(), school, "u1", fmt.Sprint("hash", i), noon)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins++
			} else if errors.Is(err, ErrNotFound) {
				losses++
			}
		})
	}
	both.Wait()
	if wins != 1 || losses != 1 {
		t.Errorf("%d won and %d lost, want one each", wins, losses)
	}
	if _, err := s.UserByLink(t.Context(), school, []byte("link")); !errors.Is(err, ErrNotFound) {
		t.Errorf("used link: %v", err)
	}
}

func TestFailedSignInsAreCountedUntilOneSucceeds(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "u1", model.DutyDSL, "")
	for _, ok := range []bool{false, false} {
		must(t, s.RecordSignIn(t.Context(), school, "u1", ok, noon))
	}
	if u, _ := s.UserByID(t.Context(), school, "u1"); u.Failures != 2 || !u.LastFailure.Equal(noon) {
		t.Errorf("failures = %d at %s", u.Failures, u.LastFailure)
	}
	must(t, s.RecordSignIn(t.Context(), school, "u1", true, noon))
	if u, _ := s.UserByID(t.Context(), school, "u1"); u.Failures != 0 {
		t.Errorf("failures = %d after a good one", u.Failures)
	}
}

func TestDisabledUserIsOutAtOnce(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "u1", model.DutyDSL, "")
	session := model.Session{School: school, Hash: []byte("s"), User: "u1", Created: noon, Seen: noon, Expires: noon.Add(time.Hour)}
	must(t, s.AddSession(t.Context(), session))
	if got, u, err := s.SessionByHash(t.Context(), school, []byte("s"), noon); err != nil || u.ID != "u1" || !reflect.DeepEqual(got, session) {
		t.Fatalf("session = %+v of %+v, %v", got, u, err)
	}
	if _, _, err := s.SessionByHash(t.Context(), school, []byte("s"), noon.Add(time.Hour)); !errors.Is(err, ErrNotFound) {
		t.Errorf("expired session: %v", err)
	}
	must(t, s.TouchSession(t.Context(), school, []byte("s"), noon, noon.Add(2*time.Hour)))
	must(t, s.DisableUser(t.Context(), school, "u1"))
	if _, _, err := s.SessionByHash(t.Context(), school, []byte("s"), noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("session of a disabled user: %v", err)
	}
	must(t, s.EndSession(t.Context(), school, []byte("s")))
}

func TestUserTwiceIsRefused(t *testing.T) {
	s := openStore(t)
	u := addUser(t, s, "u1", model.DutyDSL, "")
	u.ID = "u2"
	if err := s.AddUser(t.Context(), u); !errors.Is(err, ErrTaken) {
		t.Errorf("error = %v, want ErrTaken", err)
	}
}

func addToken(t *testing.T, s *Store, id string, uses int) {
	t.Helper()
	must(t, s.AddToken(t.Context(), model.Token{
		School: school, ID: id, Hash: []byte(id), Site: "main", Uses: uses, Expires: noon.Add(24 * time.Hour), Created: noon,
	}))
}

func deviceOf(n int) model.Device {
	return model.Device{ID: fmt.Sprint("dev-", n), Name: fmt.Sprint("laptop ", n), OS: "linux", Enrolled: noon, Expires: noon.Add(time.Hour), KeyHash: []byte{byte(n)}}
}

func TestG12TrialSchoolRefusesASixthDevice(t *testing.T) {
	s := openStore(t)
	addToken(t, s, "t", 100)
	var full, enrolled int
	var mu sync.Mutex
	var all sync.WaitGroup
	for n := range 9 { // at once, so that a count outside the transaction would let more in
		all.Go(func() {
			err := s.Enrol(t.Context(), school, []byte("t"), noon, deviceOf(n))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				enrolled++
			case errors.Is(err, ErrTrialFull):
				full++
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if enrolled != model.TrialDevices || full != 9-model.TrialDevices {
		t.Errorf("enrolled %d and refused %d", enrolled, full)
	}
	if tokens, _ := s.Tokens(t.Context(), school); tokens[0].Used != model.TrialDevices {
		t.Errorf("token used %d times: a refused device must not use it up", tokens[0].Used)
	}
	devices, err := s.Devices(t.Context(), school)
	must(t, err)
	must(t, s.RevokeDevice(t.Context(), school, devices[0].ID, noon))
	must(t, s.Enrol(t.Context(), school, []byte("t"), noon, deviceOf(20)))
	// Starting again as an established school must not lift the cap.
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: false}))
	if err := s.Enrol(t.Context(), school, []byte("t"), noon, deviceOf(21)); !errors.Is(err, ErrTrialFull) {
		t.Errorf("error = %v, want ErrTrialFull", err)
	}
}

func TestTokensAreSpent(t *testing.T) {
	s := openStore(t)
	addToken(t, s, "once", 1)
	must(t, s.Enrol(t.Context(), school, []byte("once"), noon, deviceOf(1)))
	for name, c := range map[string]struct {
		hash string
		at   time.Time
		want error
	}{
		"unknown": {"other", noon, ErrTokenUnknown},
		"used up": {"once", noon, ErrTokenUsed},
		"expired": {"once", noon.Add(24 * time.Hour), ErrTokenExpired},
	} {
		err := s.Enrol(t.Context(), school, []byte(c.hash), c.at, deviceOf(2))
		var told interface{ Refusal() string }
		if !errors.Is(err, c.want) || !errors.As(err, &told) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	d, err := s.Device(t.Context(), school, "dev-1")
	if must(t, err); d.Site != "main" {
		t.Errorf("site = %q, want the token's", d.Site)
	}
}

func TestRevokedDeviceStaysRevoked(t *testing.T) {
	s := openStore(t)
	addToken(t, s, "t", 5)
	must(t, s.Enrol(t.Context(), school, []byte("t"), noon, deviceOf(1)))
	must(t, s.RenewDevice(t.Context(), school, "dev-1", noon.Add(90*24*time.Hour)))
	must(t, s.TouchDevices(t.Context(), school, map[string]time.Time{"dev-1": noon.Add(time.Minute), "gone": noon}))
	must(t, s.TouchDevices(t.Context(), school, map[string]time.Time{"dev-1": noon}))
	must(t, s.RevokeDevice(t.Context(), school, "dev-1", noon))
	must(t, s.RevokeDevice(t.Context(), school, "dev-1", noon.Add(time.Hour)))
	d, err := s.Device(t.Context(), school, "dev-1")
	must(t, err)
	if !d.Revoked.Equal(noon) || !d.LastSeen.Equal(noon.Add(time.Minute)) || !d.Expires.Equal(noon.Add(90*24*time.Hour)) {
		t.Errorf("device = %+v", d)
	}
	if err := s.RenewDevice(t.Context(), school, "dev-1", noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("renewing a revoked device: %v", err)
	}
	if err := s.RevokeDevice(t.Context(), school, "no-such", noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("revoking none: %v", err)
	}
	if n, _ := s.Changes(t.Context(), school); n[TopicDevices] != 2 {
		t.Errorf("changes = %v, want devices 2", n)
	}
}

func TestPolicyNeverGoesBack(t *testing.T) {
	s := openStore(t)
	if _, found, err := s.LatestPolicy(t.Context(), school); err != nil || found {
		t.Fatalf("found = %t, %v in an empty store", found, err)
	}
	version := func(epoch, serial uint64) model.PolicyVersion {
		return model.PolicyVersion{School: school, Epoch: epoch, Serial: serial, KeyID: "k", Issued: noon, By: "a", Reason: "r", Manifest: []byte("m"), Signature: []byte("s")}
	}
	blob := model.Blob{School: school, SHA256: [32]byte{1}, Data: []byte("rules")}
	must(t, s.PublishPolicy(t.Context(), version(1, 5), []model.Blob{blob}))
	for _, older := range []model.PolicyVersion{version(1, 5), version(1, 4), version(0, 9)} {
		if err := s.PublishPolicy(t.Context(), older, []model.Blob{blob}); !errors.Is(err, ErrPolicyOlder) {
			t.Errorf("(%d, %d): %v, want ErrPolicyOlder", older.Epoch, older.Serial, err)
		}
	}
	must(t, s.PublishPolicy(t.Context(), version(2, 1), []model.Blob{blob}))
	latest, found, err := s.LatestPolicy(t.Context(), school)
	if err != nil || !found || !reflect.DeepEqual(latest, version(2, 1)) {
		t.Errorf("latest = %+v, %t, %v", latest, found, err)
	}
	if all, err := s.PolicyHistory(t.Context(), school); err != nil || len(all) != 2 || all[0].Epoch != 2 {
		t.Errorf("history = %+v, %v", all, err)
	}
	if data, err := s.Blob(t.Context(), school, blob.SHA256); err != nil || string(data) != "rules" {
		t.Errorf("blob = %q, %v", data, err)
	}
	if _, err := s.Blob(t.Context(), school, [32]byte{9}); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing blob: %v", err)
	}
	if n, _ := s.Changes(t.Context(), school); n[TopicPolicy] != 2 {
		t.Errorf("changes = %v, want policy 2", n)
	}
}

func TestRosterIsCountedAndKeptWhole(t *testing.T) {
	s := openStore(t)
	people := make([]model.Person, 1200) // three chunks
	for i := range people {
		people[i] = model.Person{Account: fmt.Sprint("p", i), Name: "Invented", Role: model.RolePupil, Year: "8"}
	}
	importing := func(wantAdded, wantChanged int) {
		t.Helper()
		change, err := s.ImportRoster(t.Context(), school, "roster.csv", people, noon)
		if must(t, err); change.Added != wantAdded || change.Changed != wantChanged {
			t.Errorf("added %d, changed %d; want %d, %d", change.Added, change.Changed, wantAdded, wantChanged)
		}
	}
	importing(1200, 0)
	before, _, err := s.SubjectByAccount(t.Context(), school, "P7")
	must(t, err)
	people[7].Year = "9"
	people = append(slices.Clip(people), model.Person{Account: "new", Name: "Invented", Role: model.RoleStaff})
	importing(1, 1)
	after, found, err := s.SubjectByAccount(t.Context(), school, "p7")
	if must(t, err); !found || after.ID != before.ID || after.Year != "9" || !after.Known {
		t.Errorf("subject = %+v, want the same pseudonym in year 9", after)
	}
	broken := append(people[:1200:1200], model.Person{Account: "p0"})
	if _, err := s.ImportRoster(t.Context(), school, "roster.csv", broken, noon); !errors.Is(err, ErrTaken) {
		t.Errorf("an account twice: %v", err)
	}
	if n := count(t, s, "roster_rows"); n != 0 {
		t.Errorf("%d rows left lying", n)
	}
}

func TestNotificationsOutcome(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1")
	var j jobs
	add(t, s, eventOf("dev-1", 1, "pupil1", 4))
	gatherAll(t, s, &j)
	id := j.ids[0]
	must(t, s.NotificationTried(t.Context(), school, id, noon, "no answer"))
	must(t, s.NotificationFailed(t.Context(), school, id, noon.Add(time.Hour), "given up"))
	if failed, err := s.FailedNotifications(t.Context(), school); err != nil || len(failed) != 1 || failed[0].Error != "given up" || failed[0].Attempts != 1 {
		t.Errorf("failed = %+v, %v", failed, err)
	}
	must(t, s.NotificationAccepted(t.Context(), school, id, noon.Add(2*time.Hour)))
	must(t, s.NotificationAccepted(t.Context(), school, id, noon.Add(3*time.Hour)))
	n, err := s.NotificationByID(t.Context(), school, id)
	if must(t, err); !n.Accepted.Equal(noon.Add(2*time.Hour)) || !n.Failed.IsZero() || n.Error != "" {
		t.Errorf("notification = %+v, want accepted the first time", n)
	}
	if err := s.NotificationFailed(t.Context(), school, id, noon, "too late"); !errors.Is(err, ErrNotFound) {
		t.Errorf("failing an accepted one: %v", err)
	}
	if _, err := s.NotificationByID(t.Context(), school, "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing one: %v", err)
	}
}

func TestReadPoolCannotWrite(t *testing.T) {
	s := openStore(t)
	if _, err := s.reader.Exec(`DELETE FROM schools`); err == nil {
		t.Error("the read pool wrote")
	}
}

// TestATokenThatWasEndedAdmitsNobody, also one that an earlier version made; what it
// admitted stays, and who made and ended it is known.
func TestATokenThatWasEndedAdmitsNobody(t *testing.T) {
	s := openStore(t)
	it := model.WithActor(t.Context(), model.Actor{Who: model.UserActor("it"), Via: "console"})
	for _, id := range []string{"lost", "older", "kept"} {
		must(t, s.AddToken(it, model.Token{School: school, ID: id, Hash: []byte(id), Uses: 3, Expires: noon.Add(24 * time.Hour), Created: noon}))
	}
	_, err := s.writer.Exec(`DELETE FROM token_terms WHERE id = 'older'`)
	must(t, err)
	must(t, s.Enrol(t.Context(), school, []byte("lost"), noon, deviceOf(1)))
	for _, id := range []string{"lost", "older", "lost"} {
		must(t, s.EndToken(it, school, id, noon.Add(time.Hour)))
	}
	must(t, s.EndToken(it, school, "lost", noon.Add(2*time.Hour)))
	for _, id := range []string{"lost", "older"} {
		enrolled := s.Enrol(t.Context(), school, []byte(id), noon.Add(time.Hour), deviceOf(2))
		checked := s.CheckToken(t.Context(), school, []byte(id), noon.Add(48*time.Hour)) // it has expired since, too
		if !errors.Is(enrolled, ErrTokenEnded) || !errors.Is(checked, ErrTokenEnded) {
			t.Errorf("%s: %v, %v; want ErrTokenEnded", id, enrolled, checked)
		}
	}
	must(t, s.Enrol(t.Context(), school, []byte("kept"), noon.Add(time.Hour), deviceOf(3)))
	if err := s.EndToken(it, school, "none", noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("ending what is not there: %v", err)
	}
	if err := s.EndToken(it, "another", "kept", noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("ending another school's: %v", err)
	}
	tokens, err := s.Tokens(t.Context(), school)
	must(t, err)
	got := map[string]model.Token{}
	for _, one := range tokens {
		got[one.ID] = one
	}
	if l := got["lost"]; !l.Ended.Equal(noon.Add(time.Hour)) || l.Maker != "user:it" || l.Used != 1 || l.Works(noon.Add(time.Minute)) {
		t.Errorf("listed as %+v", l)
	}
	if o := got["older"]; o.Ended.IsZero() || o.Maker != "" {
		t.Errorf("an earlier version's is listed as %+v", o)
	}
	if k := got["kept"]; !k.Ended.IsZero() || !k.Works(noon) || k.Works(noon.Add(24*time.Hour)) {
		t.Errorf("the one that was kept is listed as %+v", k)
	}
	if devices, err := s.Devices(t.Context(), school); err != nil || len(devices) != 2 {
		t.Errorf("%d devices stay, %v", len(devices), err)
	}
}
