package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"safelight/collector/backup"
	"safelight/collector/store"
)

func TestBackupWhileEventsComeInHoldsEveryRowUpToItsSnapshot(t *testing.T) {
	h := newHouse(t, t.TempDir())
	for range 10 {
		must(t, h.add(t.Context(), 200))
	}
	before := h.next
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { // ingest goes on through the whole backup
		var err error
		for err == nil && ctx.Err() == nil {
			err = h.add(context.WithoutCancel(ctx), 20)
		}
		ended <- err
	}()
	var out bytes.Buffer
	must(t, h.writeTo(t.Context(), &out))
	stop()
	must(t, <-ended)

	dir, m := restore(t, h.key(t), out.Bytes())
	restored := filepath.Join(dir, "safelight.db")
	rows, err := store.CountRows(t.Context(), restored)
	must(t, err)
	for table, want := range m.Rows {
		if rows[table] != want {
			t.Errorf("%s has %d rows, the backup's manifest says %d", table, rows[table], want)
		}
	}
	got, all := events(t, restored), events(t, h.database)
	if len(got) < before || len(got) >= len(all) {
		t.Fatalf("the backup has %d events; %d were there before and %d after it", len(got), before, len(all))
	}
	if !slices.Equal(got, all[:len(got)]) { // event ids are numbered, so the first ones
		t.Error("the restored events are not the ones that were there at the snapshot")
	}
	t.Logf("%d events before, %d in the backup, %d after it", before, len(got), len(all))
	keyring, err := h.store.Keyring(t.Context())
	must(t, err)
	again, err := store.Open(t.Context(), restored, store.WithKeyring(keyring))
	must(t, err)
	must(t, again.Close())
}

func TestBackupHoldsEverythingButTheRecoveryKeysPrivateHalf(t *testing.T) {
	h := newHouse(t, t.TempDir())
	must(t, h.add(t.Context(), 10))
	must(t, os.Symlink("/nowhere", filepath.Join(h.dir, "https.crt")))
	dir, m := restore(t, h.key(t), h.write(t))
	var names []string
	for _, f := range m.Files {
		names = append(names, f.Name)
	}
	want := []string{"ca/root.crt", "ca/root.key", "collector.yaml", "policy.key", "recovery.pub", "safelight.db"}
	if slices.Sort(names); !slices.Equal(names, want) {
		t.Errorf("the backup holds %q, want %q", names, want)
	}
	if !slices.Equal(m.LeftOut, []string{"https.crt"}) {
		t.Errorf("it says of what it cannot hold: %q", m.LeftOut)
	}
	for _, name := range []string{"ca/root.key", "policy.key", "recovery.pub", "safelight.db"} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s came back readable by others: %v", name, info.Mode())
		}
	}
	if rest := left(t, h.dir, "ca", "collector.yaml", "policy.key", "recovery.key", "recovery.pub", "recovery.txt",
		"lock", ".half", "https.crt", "sealing.key", "safelight.db", "safelight.db-wal", "safelight.db-shm"); len(rest) > 0 {
		t.Errorf("the backup left %q in the state folder", rest)
	}
}

func TestBackupShowsNothingOfItsContents(t *testing.T) {
	h := newHouse(t, t.TempDir())
	must(t, h.add(t.Context(), 10))
	data := h.write(t)
	for _, word := range []string{"demo.pupil", "example.test", "a policy key", "SQLite format"} {
		if bytes.Contains(data, []byte(word)) {
			t.Errorf("the backup shows %q", word)
		}
	}
}

func TestRecoveryKeyIsMadeOnceAndNeverAgain(t *testing.T) {
	dir := t.TempDir()
	must(t, backup.MakeKey(dir))
	first, err := os.ReadFile(filepath.Join(dir, backup.PublicFile))
	must(t, err)
	must(t, os.Remove(filepath.Join(dir, backup.PrivateFile))) // taken offline
	must(t, backup.MakeKey(dir))
	again, err := os.ReadFile(filepath.Join(dir, backup.PublicFile))
	must(t, err)
	if !bytes.Equal(first, again) {
		t.Error("the key was made again")
	}
	if rest := left(t, dir, backup.PublicFile); len(rest) > 0 {
		t.Errorf("a second init left %q", rest)
	}
}

func TestABackupThatIsNotRightIsRefusedAndLeavesAnEmptyFolder(t *testing.T) {
	h := newHouse(t, t.TempDir())
	must(t, h.add(t.Context(), 300))
	data, key := h.write(t), h.key(t)
	other, err := age.GenerateX25519Identity()
	must(t, err)
	flipped := func(at int) []byte {
		b := bytes.Clone(data)
		b[at] ^= 0x10
		return b
	}
	for name, c := range map[string]struct {
		data []byte
		key  age.Identity
		says string
	}{
		"wrong key":                  {data, other, "this recovery key does not open it"},
		"empty":                      {nil, key, "it is not a backup"},
		"another file":               {[]byte("school: {}\n"), key, "it is not a backup"},
		"cut in the middle":          {data[:len(data)/2], key, "damaged or cut short"},
		"cut by one byte":            {data[:len(data)-1], key, "damaged or cut short"},
		"cut at a piece of age":      {data[:len(data)-len(data)%(64<<10)], key, "damaged or cut short"},
		"flipped in the header":      {flipped(60), key, "its beginning is damaged"},
		"flipped in the middle":      {flipped(len(data) / 2), key, "damaged or cut short"},
		"flipped in the last byte":   {flipped(len(data) - 1), key, "damaged or cut short"},
		"something after its end":    {append(bytes.Clone(data), 'x'), key, "damaged or cut short"},
		"no manifest":                {forged(t, h, entry{"collector.yaml", "school: {}"}), key, "no manifest"},
		"a file out of the folder":   {forged(t, h, entry{"../cron", "x"}), key, "do not trust it"},
		"a file that is not named":   {forged(t, h, entry{"evil", "x"}, entry{"MANIFEST.json", `{"format":1}`}), key, "do not trust it"},
		"a file that is missing":     {forged(t, h, entry{"MANIFEST.json", `{"format":1,"files":[{"name":"policy.key"}]}`}), key, "it lacks policy.key"},
		"a file with other contents": {forged(t, h, entry{"policy.key", "x"}, entry{"MANIFEST.json", `{"format":1,"files":[{"name":"policy.key","size":1,"sha256":"00"}]}`}), key, "not what its manifest says"},
		"a newer format":             {forged(t, h, entry{"MANIFEST.json", `{"format":2,"version":"9.1"}`}), key, "use the version that wrote it, 9.1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, _, err := backup.Restore(dir, "collector.yaml", c.key, bytes.NewReader(c.data), 0, quiet)
			wantError(t, err, c.says)
			if rest := left(t, dir); len(rest) > 0 {
				t.Errorf("it left %q", rest)
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "cron")); err == nil {
				t.Error("it wrote outside the folder")
			}
		})
	}
}

type entry struct{ name, text string }

// forged is a stream that opens to the house's key and is no backup of ours.
func forged(t *testing.T, h *house, entries ...entry) []byte {
	t.Helper()
	r, err := backup.ReadPublic(h.dir)
	must(t, err)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, r)
	must(t, err)
	archive := tar.NewWriter(w)
	for _, e := range entries {
		must(t, archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: int64(len(e.text)), Mode: 0o600}))
		_, err := io.WriteString(archive, e.text)
		must(t, err)
	}
	must(t, archive.Close())
	must(t, w.Close())
	return out.Bytes()
}

func TestRestoreNeverTouchesAFolderThatHoldsSomething(t *testing.T) {
	h := newHouse(t, t.TempDir())
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "mine"), []byte("mine"), 0o600))
	_, _, err := backup.Restore(dir, "collector.yaml", h.key(t), bytes.NewReader(h.write(t)), 0, quiet)
	wantError(t, err, "is not empty", "fresh folder")
	if rest := left(t, dir); !slices.Equal(rest, []string{"mine"}) {
		t.Errorf("the folder now holds %q", rest)
	}
}

func TestSavedBackupIsProvenBeforeItGetsItsName(t *testing.T) {
	h := newHouse(t, t.TempDir())
	must(t, h.add(t.Context(), 100))
	mine, err := age.GenerateX25519Identity()
	must(t, err)
	var out bytes.Buffer
	must(t, h.writeTo(t.Context(), &out, mine.Recipient()))
	dir := t.TempDir()
	path := filepath.Join(dir, "monday.backup")
	var done int64
	saved, err := backup.Save(path, mine, int64(out.Len()), bytes.NewReader(out.Bytes()), func(n, _ int64) { done = n })
	must(t, err)
	if saved.Bytes != int64(out.Len()) || done != saved.Bytes || saved.Manifest.Rows["events"] != 100 {
		t.Errorf("saved %+v, progress up to %d, of %d bytes", saved, done, out.Len())
	}
	onDisk, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(onDisk, out.Bytes()) {
		t.Error("the file differs from the stream")
	}
	restore(t, h.key(t), onDisk)

	damaged := bytes.Clone(out.Bytes())
	damaged[len(damaged)/2] ^= 1
	_, err = backup.Save(filepath.Join(dir, "tuesday.backup"), mine, 0, bytes.NewReader(damaged), quiet)
	wantError(t, err, "reading the backup back")
	if rest := left(t, dir, "monday.backup"); len(rest) > 0 {
		t.Errorf("a backup that could not be proven left %q", rest)
	}
	_, err = backup.Save(path, mine, 0, io.MultiReader(bytes.NewReader(damaged[:1000]), broken{}), quiet)
	wantError(t, err, "the collector went away")
	now, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(now, onDisk) {
		t.Error("a backup that failed harmed the one of the same name")
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errGone }

var errGone = errors.New("the collector went away")

func TestAKilledBackupsSnapshotIsSweptByTheNext(t *testing.T) {
	h := newHouse(t, t.TempDir())
	_, err := backup.Prepare(t.Context(), h.source()) // and killed: never closed
	must(t, err)
	if rest := left(t, h.dir); !slices.ContainsFunc(rest, func(n string) bool { return strings.HasPrefix(n, ".snapshot-") }) {
		t.Fatalf("no snapshot among %q: does this test still see it?", rest)
	}
	h.write(t)
	for _, name := range left(t, h.dir) {
		if strings.HasPrefix(name, ".snapshot-") {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestKeysThatCannotBeReadSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	_, err := backup.ReadPublic(dir)
	wantError(t, err, "safelight-collector init")
	path := filepath.Join(dir, "key")
	must(t, os.WriteFile(path, []byte("-----BEGIN PRIVATE KEY-----\n"), 0o600))
	_, err = backup.ReadPrivate(path)
	wantError(t, err, "AGE-SECRET-KEY-1", "recovery.txt")
	must(t, os.WriteFile(path, []byte("AGE-SECRET-KEY-1QQQQ\n"), 0o600))
	_, err = backup.ReadPrivate(path)
	wantError(t, err, "damaged")
	if strings.Contains(err.Error(), "QQQQ") {
		t.Error("the error repeats the key")
	}
}
