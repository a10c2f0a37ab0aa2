package attribution

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// SignedIn lists the accounts with an open session on this machine, by what logind
// keeps under root ("/"): at the device or from elsewhere. Greeters, managers and
// jobs are none of a person's. Where no logind runs, which may leave its folder
// behind, whose processes there are
// says it; where those cannot all be seen nobody can, and that is an error.
func SignedIn(root string) ([]string, error) {
	dir := filepath.Join(root, "run/systemd/sessions")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && !logindRuns(root) {
		accounts, err := sessionsInProcesses(root)
		if err != nil {
			return nil, fmt.Errorf("looking who is signed in: %w", err)
		}
		return accounts, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking who is signed in: %w", err)
	}
	var accounts []string
	for _, e := range entries {
		if !sessionID(e.Name()) {
			continue // a session's lock or pipe
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // it ended
		}
		if err != nil {
			return nil, fmt.Errorf("looking who is signed in: %w", err)
		}
		vars := parseVars(data)
		if !strings.HasPrefix(vars["CLASS"], "user") || vars["STATE"] == "closing" {
			continue
		}
		account := vars["USER"]
		if account == "" {
			account = "uid " + vars["UID"]
		}
		accounts = append(accounts, account)
	}
	return accounts, nil
}

// logindRuns says whether logind, or its like without systemd, is among the
// processes, as root.
func logindRuns(root string) bool {
	f := files{root}
	entries, err := os.ReadDir(f.path("proc"))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			return false
		}
		comm, err := f.read(procPath(pid, "comm"), 64)
		switch strings.TrimSpace(string(comm)) {
		case "systemd-logind", "elogind-daemon", "elogind":
			text, err2 := f.read(procPath(pid, "status"), 64<<10)
			uids := allUIDs(text)
			return err == nil && err2 == nil && len(uids) > 0 && uids[0] == 0
		}
		return false
	})
}
