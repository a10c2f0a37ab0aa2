package localstate

import "path/filepath"

// publicDir is a cache by the Filesystem Hierarchy Standard, 5.5: what lies there
// can be made again, and everybody may read it.
func publicDir(program string) (string, error) {
	return filepath.Join("/var/cache", "safelight-"+program), nil
}

// systemDir follows the Filesystem Hierarchy Standard, 5.8 (/var/lib).
func systemDir(program string) (string, error) {
	return filepath.Join("/var/lib", "safelight-"+program), nil
}
