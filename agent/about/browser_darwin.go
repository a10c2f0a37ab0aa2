package about

import (
	"fmt"
	"os/exec"
)

// Browse hands a page to the desktop's browser.
func Browse(target string) error {
	if err := exec.Command("/usr/bin/open", target).Start(); err != nil {
		return fmt.Errorf("opening the page: %w", err)
	}
	return nil
}
