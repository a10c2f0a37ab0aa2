package localstate

import "path/filepath"

// systemDir is the local domain's Application Support folder.
func systemDir(program string) (string, error) {
	return filepath.Join("/Library/Application Support/Safelight", program), nil
}
