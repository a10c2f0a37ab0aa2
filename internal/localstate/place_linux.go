package localstate

import "path/filepath"

// systemDir follows the Filesystem Hierarchy Standard, 5.8 (/var/lib).
func systemDir(program string) (string, error) {
	return filepath.Join("/var/lib", "safelight-"+program), nil
}
