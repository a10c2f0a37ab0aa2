package about

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// Browse hands a page to the desktop's browser.
func Browse(target string) error {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return errors.New("opening the page: there is no desktop here; without --open its text is printed")
	}
	for _, program := range []string{"/usr/bin/xdg-open", "/usr/bin/gio", "/usr/bin/x-www-browser"} {
		if _, err := os.Stat(program); err != nil {
			continue
		}
		args := []string{target}
		if program == "/usr/bin/gio" {
			args = []string{"open", target}
		}
		if err := exec.Command(program, args...).Start(); err != nil { //nolint:gosec // programs of the list above, and an address that was checked
			return fmt.Errorf("opening the page: %w", err)
		}
		return nil
	}
	return errors.New("opening the page: this system has no xdg-open; install xdg-utils, or leave --open out to have its text printed")
}
