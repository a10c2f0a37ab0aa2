package localstate

import (
	"regexp"
	"slices"
	"strings"
)

// Who may do what with a folder of Windows, as its security descriptor's text
// says it (SDDL, [MS-DTYP] 2.5.1): O:owner, then D: and an entry in brackets for
// each account, of type;flags;rights;object;;account.
var (
	ownerPart = regexp.MustCompile(`^O:([A-Z]{2}|S-[0-9-]+)`)
	listPart  = regexp.MustCompile(`D:([A-Z_]*)((?:\([^)]*\))*)`)
	entryPart = regexp.MustCompile(`\(([A-Z]+);([^;)]*);[^;)]*;[^;)]*;[^;)]*;([^;)]+)[^)]*\)`)
)

// servicePrefix begins the account of each Windows service.
const servicePrefix = "S-1-5-80-"

// trusted says whether an account of SDDL is the system, the administrators, a
// service, the owner (OW, and CO in what is inherited), or self.
func trusted(account, self string) bool {
	known := []string{"SY", "BA", "OW", "CO", "S-1-5-18", "S-1-5-32-544", "S-1-3-0", "S-1-3-4", self}
	return strings.HasPrefix(account, servicePrefix) || slices.Contains(known, account)
}

// ownerOf is the descriptor's owner, empty where it names none.
func ownerOf(sddl string) string {
	if m := ownerPart.FindStringSubmatch(sddl); m != nil {
		return m[1]
	}
	return ""
}

// closed says that the descriptor lets nobody in but whom trusted knows, and
// takes nothing from the folder above. services are the services it lets in.
func closed(sddl, self string) (ok bool, services []string) {
	list := listPart.FindStringSubmatch(sddl)
	if list == nil { // no list: everybody may do everything
		return false, nil
	}
	ok = strings.Contains(list[1], "P") && !strings.Contains(list[1], "NO_ACCESS_CONTROL")
	for _, e := range entryPart.FindAllStringSubmatch(list[2], -1) {
		kind, account := e[1], e[3]
		if strings.HasSuffix(kind, "D") { // denies
			continue
		}
		ok = ok && trusted(account, self)
		if strings.HasPrefix(account, servicePrefix) && !slices.Contains(services, account) {
			services = append(services, account)
		}
	}
	return ok, services
}

// ownersOnly is the list that a state folder gets.
func ownersOnly(self string, services []string) string {
	list := "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
	for _, account := range append(services, self) {
		if account != "S-1-5-18" && account != "" && !strings.Contains(list, ";"+account+")") {
			list += "(A;OICI;FA;;;" + account + ")"
		}
	}
	return list
}
