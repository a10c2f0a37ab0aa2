package health

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// settle is how long an installer has to start what it has laid down.
const settle = 10 * time.Minute

// programFile is the agent's own file, as it was when the agent began.
type programFile struct {
	size    int64
	changed time.Time
	other   time.Duration // by the monotonic clock, since when it is another file; 0: it is not
	told    bool
}

// lookAtProgram says that the agent's file is another one: over a restart with the
// same version, or under a running agent that nobody starts again.
func (w *Watcher) lookAtProgram(now mark) {
	if w.Places.Program == "" {
		return
	}
	info, err := os.Stat(w.Places.Program)
	if !w.began {
		w.compareProgram(now, info, err)
		return
	}
	same := err == nil && info.Size() == w.program.size && info.ModTime().Equal(w.program.changed)
	switch {
	case same:
		w.program.other, w.program.told = 0, false
	case w.program.other == 0:
		w.program.other = max(1, now.Mono)
	case !w.program.told && now.Mono-w.program.other >= settle:
		w.program.told = true
		w.tell(now, ProgramChanged, "The agent’s program was replaced or removed while it runs, and was not started again.")
	}
}

func (w *Watcher) compareProgram(now mark, info os.FileInfo, err error) {
	if err != nil {
		return // it cannot be read by the agent itself; then it is not compared
	}
	w.program = programFile{size: info.Size(), changed: info.ModTime()}
	is, err := sumFile(w.Places.Program)
	if err != nil {
		return
	}
	switch before := w.kept.Program; {
	case before == "" || before == is:
	case w.kept.Version != w.Version:
		w.tell(now, Upgraded, "The agent’s version is another one: "+w.kept.Version+" before, "+w.Version+" now.")
	default:
		w.tell(now, ProgramChanged, "The agent’s program is another file than when it last ran, though its version is the same.")
	}
	w.kept.Program = is
}

func sumFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// lookAtUnits says that what starts the agent is other than before. An upgrade brings
// its own, which the next start finds with another version.
func (w *Watcher) lookAtUnits(now mark) {
	if len(w.Places.Units) == 0 {
		return
	}
	is := sumUnits(w.Places.Units)
	before := w.kept.Units
	if is == before {
		return
	}
	w.kept.Units = is
	if before == "" || !w.began && w.kept.Version != w.Version {
		return
	}
	w.tell(now, UnitChanged, "The way in which the system starts the agent was changed.")
}

// sumUnits is one sum over files and folders of files, by their names.
func sumUnits(paths []string) string {
	h := sha256.New()
	for _, path := range paths {
		files := []string{path}
		if inside, err := filepath.Glob(filepath.Join(path, "*")); err == nil {
			files = append(files, inside...)
		}
		slices.Sort(files)
		for _, file := range files {
			data, err := readUpTo(file, 1<<20)
			if err != nil {
				continue // not there, or a folder
			}
			h.Write([]byte(strings.Join([]string{file, sum(data), ""}, "\n")))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
