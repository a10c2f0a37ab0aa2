package about

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// Browse hands a page to the desktop's browser.
func Browse(target string) error {
	verb, err := windows.UTF16PtrFromString("open")
	if err != nil {
		return fmt.Errorf("opening the page: %w", err)
	}
	file, err := windows.UTF16PtrFromString(target)
	if err != nil {
		return fmt.Errorf("opening the page: %w", err)
	}
	if err := windows.ShellExecute(0, verb, file, nil, nil, windows.SW_SHOWNORMAL); err != nil {
		return fmt.Errorf("opening the page: %w", err)
	}
	return nil
}
