package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// enough is the least a package's comment must say. A stranger cannot stand on
// less than a line.
const enough = 60

// checkDocs returns each folder of Go files without a comment, in godoc's form,
// that says what the package is for.
func checkDocs(t tree) []string {
	said := map[string]string{}
	names := map[string]string{}
	for _, f := range t.files {
		if names[f.folder] == "" || !f.test {
			names[f.folder] = f.syntax.Name.Name
		}
		if text := f.syntax.Doc.Text(); len(text) > len(said[f.folder]) {
			said[f.folder] = text
		}
	}
	var wrong []string
	for folder, name := range names {
		want := "Package " + strings.TrimSuffix(name, "_test") + " "
		if name == "main" {
			want = "Command "
		}
		switch text := said[folder]; {
		case text == "":
			wrong = append(wrong, fmt.Sprintf("%s: no comment above any package clause; begin one with %q", folder, want))
		case !strings.HasPrefix(text, want):
			wrong = append(wrong, fmt.Sprintf("%s: its comment begins %q, want %q", folder, firstWords(text), want))
		case len(strings.TrimSpace(text)) < enough:
			wrong = append(wrong, fmt.Sprintf("%s: its comment is %d characters; say what the package is for in %d or more", folder, len(text), enough))
		}
	}
	slices.Sort(wrong)
	return wrong
}

func firstWords(text string) string {
	fields := strings.Fields(text)
	return strings.Join(fields[:min(3, len(fields))], " ")
}

// checkSizes returns hand-written files longer than most lines, and names that
// would clash where case does not count.
func checkSizes(t tree, most int) []string {
	var wrong []string
	for _, f := range t.files {
		if ast.IsGenerated(f.syntax) {
			continue
		}
		if lines := f.fset.File(f.syntax.FileStart).LineCount(); lines > most {
			wrong = append(wrong, fmt.Sprintf("%s: %d lines, %d the most: split it by subject", f.path, lines, most))
		}
		if path.Base(f.path) != strings.ToLower(path.Base(f.path)) {
			wrong = append(wrong, f.path+": file names are lower case, so that two never clash on Windows and macOS")
		}
	}
	return wrong
}
