package about

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// school hands out a page.
type school struct {
	files   map[string][]byte
	fetched int
	wrong   bool // it hands out something else
}

func (s *school) args(address string) map[string]string {
	args := map[string]string{"address": address}
	for name, data := range s.files {
		sum := sha256.Sum256(data)
		args[name] = hex.EncodeToString(sum[:])
	}
	return args
}

func (s *school) fetch(_ context.Context, sum []byte, _ int64, to io.Writer) error {
	s.fetched++
	for _, data := range s.files {
		if got := sha256.Sum256(data); string(got[:]) == string(sum) {
			if s.wrong {
				data = append([]byte("not "), data...)
			}
			_, err := to.Write(data)
			return err
		}
	}
	return errors.New("no such file")
}

func larkmoor() *school {
	return &school{files: map[string][]byte{"about.txt": []byte("what is recorded"), "about.html": []byte("<h1>what is recorded</h1>")}}
}

func keeper(t *testing.T) *Keeper {
	t.Helper()
	dir := t.TempDir()
	return NewKeeper(filepath.Join(dir, "secret", "about"), filepath.Join(dir, "public"))
}

func TestD20TheCopyIsThereForEverybodyWithoutANetwork(t *testing.T) {
	k, s := keeper(t), larkmoor()
	must(t, k.Take(t.Context(), s.args("https://about.larkmoor.example"), s.fetch))
	c := Read(k.Public())
	if c.Text != "what is recorded" || c.Address != "https://about.larkmoor.example" || c.Page == "" {
		t.Errorf("everybody reads %+v", c)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for path, want := range map[string]os.FileMode{
		k.Public(): 0o755, filepath.Join(k.Public(), "about.txt"): 0o644, filepath.Join(k.Public(), "about.html"): 0o644,
		k.own: 0o700, filepath.Join(k.own, "about.txt"): 0o600,
	} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %04o, want %04o", path, info.Mode().Perm(), want)
		}
	}
}

func TestWhatIsThereIsNotFetchedAgain(t *testing.T) {
	k, s := keeper(t), larkmoor()
	for range 3 {
		must(t, k.Take(t.Context(), s.args("https://a.example"), s.fetch))
	}
	if s.fetched != 2 {
		t.Errorf("%d files fetched, want 2", s.fetched)
	}
	s.files["about.txt"] = []byte("something more is recorded")
	must(t, k.Take(t.Context(), s.args("https://a.example"), s.fetch))
	if got := Read(k.Public()).Text; s.fetched != 3 || got != "something more is recorded" {
		t.Errorf("%d fetched; it says %q", s.fetched, got)
	}
}

// The look each minute that puts a removed copy back also looks at all else that IT
// is told of.
func TestASlowFetchHoldsNobodyUp(t *testing.T) {
	k, s := keeper(t), larkmoor()
	asked, answer := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- k.Take(t.Context(), s.args("https://a.example"), func(ctx context.Context, sum []byte, offset int64, to io.Writer) error {
			select {
			case asked <- struct{}{}:
				<-answer
			case <-answer:
			}
			return s.fetch(ctx, sum, offset, to)
		})
	}()
	<-asked
	_, err := k.Lay()
	must(t, err)
	close(answer)
	must(t, <-done)
	if got := Read(k.Public()).Text; got != "what is recorded" {
		t.Errorf("it says %q", got)
	}
}

func TestACopyThatSomebodyRemovedOrChangedIsPutBack(t *testing.T) {
	k, s := keeper(t), larkmoor()
	must(t, k.Take(t.Context(), s.args("https://a.example"), s.fetch))
	if mended, err := k.Lay(); err != nil || len(mended) != 0 {
		t.Errorf("nothing was wrong: %v, %v", mended, err)
	}
	must(t, os.Remove(filepath.Join(k.Public(), "about.html")))
	must(t, os.WriteFile(filepath.Join(k.Public(), "about.txt"), []byte("nothing is recorded"), 0o600))
	mended, err := k.Lay()
	must(t, err)
	if fmt.Sprint(mended) != "[about.txt about.html]" || Read(k.Public()).Text != "what is recorded" {
		t.Errorf("mended %v; it says %q", mended, Read(k.Public()).Text)
	}
	must(t, os.RemoveAll(k.Public()))
	if _, err := k.Lay(); err != nil || Read(k.Public()).Page == "" {
		t.Errorf("the whole folder was removed: %v", err)
	}
}

func TestBeforeTheSchoolWasHeardOfTheDeviceSaysSoAndNamesHelplines(t *testing.T) {
	k := keeper(t)
	for _, when := range []string{"nothing there", "laid"} {
		c := Read(k.Public())
		if !strings.Contains(c.Text, "has not heard from its school yet") || !strings.Contains(c.Text, "0800 1111") || c.Page != "" {
			t.Errorf("%s: %+v", when, c)
		}
		_, err := k.Lay()
		must(t, err)
	}
}

func TestWhatIsNotThePageIsNotKept(t *testing.T) {
	big := larkmoor()
	big.files["about.html"] = make([]byte, maxBytes+1)
	lying := larkmoor()
	lying.wrong = true
	for name, c := range map[string]struct {
		of      *school
		address string
		drop    string
		says    string
	}{
		"too long":          {big, "https://a.example", "", "longer than"},
		"other bytes":       {lying, "https://a.example", "", "not those"},
		"no file":           {larkmoor(), "https://a.example", "about.txt", "named no file"},
		"a script's scheme": {larkmoor(), "javascript:alert(1)", "", "https://"},
		"a file":            {larkmoor(), "file:///etc/passwd", "", "https://"},
	} {
		k := keeper(t)
		args := c.of.args(c.address)
		delete(args, c.drop)
		if err := k.Take(t.Context(), args, c.of.fetch); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", name, err)
		}
		if got := Read(k.Public()); got.Page != "" || got.Address != "" {
			t.Errorf("%s: it was laid for everybody: %+v", name, got)
		}
	}
}

func TestTheSchoolsPageIsOpenedWhereItAnswersElseTheCopy(t *testing.T) {
	up := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer up.Close()
	broken := httptest.NewTLSServer(http.NotFoundHandler())
	defer broken.Close()
	k, s := keeper(t), larkmoor()
	must(t, k.Take(t.Context(), s.args(up.URL), s.fetch))
	page := Read(k.Public()).Page
	for name, c := range map[string]struct {
		copy Copy
		ask  http.RoundTripper
		want string
	}{
		"it answers":              {Read(k.Public()), up.Client().Transport, up.URL},
		"it is not known to us":   {Read(k.Public()), nil, page},
		"it is not there":         {Copy{Page: page, Address: broken.URL}, broken.Client().Transport, page},
		"nobody said where it is": {Copy{Page: page}, nil, page},
		"there is none of either": {Copy{}, nil, ""},
	} {
		var opened string
		got, err := Opener{Ask: c.ask, Start: func(target string) error { opened = target; return nil }}.Open(t.Context(), c.copy)
		if got != c.want || opened != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: opened %q, said %q, %v; want %q", name, opened, got, err, c.want)
		}
	}
}

func TestANoteForITLiesBesideThePageUntilItIsTakenBack(t *testing.T) {
	k, s := keeper(t), larkmoor()
	must(t, k.Tell("")) // there is none
	must(t, k.Tell("Enrol it anew."))
	must(t, k.Take(t.Context(), s.args("https://a.example"), s.fetch))
	if c := Read(k.Public()); c.ForIT != "Enrol it anew." || c.Text != "what is recorded" {
		t.Errorf("it says %+v", c)
	}
	must(t, os.Remove(filepath.Join(k.Public(), noteFile)))
	if mended, err := k.Lay(); err != nil || len(mended) != 1 || Read(k.Public()).ForIT == "" {
		t.Errorf("a note that was removed: %v, %v", mended, err)
	}
	must(t, k.Tell(""))
	if mended, err := k.Lay(); err != nil || len(mended) != 0 || Read(k.Public()).ForIT != "" {
		t.Errorf("it was taken back: %v, %v, %q", mended, err, Read(k.Public()).ForIT)
	}
}
