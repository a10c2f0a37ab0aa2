package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// room says which of our own packages the product code of a folder may import.
// The most exact pattern decides; a folder without a room is a violation, so a
// new one has to say what it is before it can be merged.
type room struct {
	folder string   // "x", or "x/..." for x and all below it
	may    []string // patterns; "..." is everything
	why    string
}

// checkRooms returns what breaks the rooms' rules, a line each.
func checkRooms(t tree, rooms []room) []string {
	rooms = slices.Clone(rooms)
	slices.SortFunc(rooms, func(a, b room) int { return bySpecificity(a.folder, b.folder) })
	var wrong []string
	for _, folder := range t.folders() {
		if !slices.ContainsFunc(rooms, func(r room) bool { return within(folder, r.folder) }) {
			wrong = append(wrong, fmt.Sprintf("%s: no room in internal/archtest says what it may import", folder))
		}
	}
	for _, f := range t.product() {
		i := slices.IndexFunc(rooms, func(r room) bool { return within(f.folder, r.folder) })
		if i < 0 {
			continue
		}
		for _, imported := range f.imports {
			if dep, ok := ours(imported); ok && !allowed(dep, rooms[i].may) {
				wrong = append(wrong, fmt.Sprintf("%s: imports %s; %s may import %s: %s",
					f.path, dep, rooms[i].folder, list(rooms[i].may), rooms[i].why))
			}
		}
	}
	return wrong
}

func allowed(dep string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return p == "..." || within(dep, p) })
}

func list(patterns []string) string {
	if len(patterns) == 0 {
		return "nothing of ours"
	}
	return strings.Join(patterns, ", ")
}

// fence says which folders may import an external package, tests apart: where a
// library is fenced in, replacing it touches one room.
type fence struct {
	imported string   // a path, and everything below it
	only     []string // patterns
	why      string
}

// checkFences returns which product files import over a fence.
func checkFences(t tree, fences []fence) []string {
	var wrong []string
	for _, f := range t.product() {
		for _, imported := range f.imports {
			for _, fe := range fences {
				if below(imported, fe.imported) && !allowed(f.folder, fe.only) {
					wrong = append(wrong, fmt.Sprintf("%s: imports %s, which only %s may: %s",
						f.path, imported, list(fe.only), fe.why))
				}
			}
		}
	}
	return wrong
}

// below reports whether an import path is base or lies below it.
func below(imported, base string) bool {
	return imported == base || strings.HasPrefix(imported, base+"/")
}
