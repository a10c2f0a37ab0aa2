package attribution

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SignedIn lists the accounts with an open session on this machine, by what logind
// keeps under root ("/"): at the device or from elsewhere. Greeters, managers and
// jobs are none of a person's. Where there is no logind nobody can say, and that
// is an error.
func SignedIn(root string) ([]string, error) {
	dir := filepath.Join(root, "run/systemd/sessions")
	entries, err := os.ReadDir(dir)
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
