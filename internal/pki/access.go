package pki

import "regexp"

// ownerOnly is the list of Windows for a secret's file (SDDL): the system,
// administrators and the owner, and nothing inherited from the folder.
const ownerOnly = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)"

var servicePart = regexp.MustCompile(`\(A;[^()]*;;;(S-1-5-80-[0-9-]+)\)`)

// secretList is ownerOnly and the services that the folder lets in, such as the
// collector's: what an administrator puts into its folder it has to read.
func secretList(folder string) string {
	list, seen := ownerOnly, map[string]bool{}
	for _, m := range servicePart.FindAllStringSubmatch(folder, -1) {
		if !seen[m[1]] {
			seen[m[1]] = true
			list += "(A;;FA;;;" + m[1] + ")"
		}
	}
	return list
}
