package localstate

import "path/filepath"

func publicDir(string) (string, error) {
	return "/Library/Application Support/Safelight/public", nil
}

// systemDir is the local domain's Application Support folder.
func systemDir(program string) (string, error) {
	return filepath.Join("/Library/Application Support/Safelight", program), nil
}
