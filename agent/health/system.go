package health

import "os"

// SystemPlaces are those of this system; with installed, of an agent that was
// installed in the usual places, its units and notices too.
func SystemPlaces(installed bool) Places {
	p := Places{Hosts: hostsFile}
	if program, err := os.Executable(); err == nil {
		p.Program = program
	}
	if installed {
		p.Units, p.Notices = units, notices
	}
	return p
}
