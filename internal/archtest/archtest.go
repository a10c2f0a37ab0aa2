// Package archtest holds the house to its plan: who may import whom, what each
// program may link, what no file may call or contain, and that every package
// says what it is for. It is only tests and what they need, and nothing imports
// it.
//
// Imports are parsed from every .go file, whatever its build tags, so one run on
// one system covers all of them; and never through `go list`, whose answer the
// test cache does not know to be out of date.
package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// module is the path that imports of our own packages begin with.
const module = "safelight"

// file is one Go file of a tree.
type file struct {
	path    string // from the tree's root, with slashes
	folder  string
	test    bool
	imports []string // as written
	syntax  *ast.File
	fset    *token.FileSet
}

// tree is every Go file under a root.
type tree struct{ files []file }

// load parses the tree under root, leaving out what the go command leaves out:
// testdata and folders whose names begin with a dot or an underscore.
func load(root string) (tree, error) {
	var t tree
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != root && ignored(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parse(root, name)
		t.files = append(t.files, f)
		return err
	})
	return t, err
}

func ignored(folder string) bool {
	return folder == "testdata" || folder == "node_modules" || folder[0] == '.' || folder[0] == '_'
}

func parse(root, name string) (file, error) {
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return file{}, err
	}
	rel = filepath.ToSlash(rel)
	f := file{path: rel, folder: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), fset: token.NewFileSet()}
	f.syntax, err = parser.ParseFile(f.fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, fmt.Errorf("parsing %s: %w", rel, err)
	}
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, fmt.Errorf("reading an import of %s: %w", rel, err)
		}
		f.imports = append(f.imports, p)
	}
	return f, nil
}

// ours returns the folder of an import of our own, or false.
func ours(imported string) (string, bool) { return strings.CutPrefix(imported, module+"/") }

// product is the tree without its tests.
func (t tree) product() []file {
	return slices.DeleteFunc(slices.Clone(t.files), func(f file) bool { return f.test })
}

// folders lists the folders that hold product code, in order.
func (t tree) folders() []string {
	var all []string
	for _, f := range t.product() {
		all = append(all, f.folder)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// within reports whether folder is pattern or, where pattern ends in "/...",
// anything below it too.
func within(folder, pattern string) bool {
	base, below := strings.CutSuffix(pattern, "/...")
	return folder == base || below && strings.HasPrefix(folder, base+"/")
}

// bySpecificity orders patterns so that the most exact comes first.
func bySpecificity(a, b string) int {
	return cmp.Or(cmp.Compare(len(strings.TrimSuffix(b, "/...")), len(strings.TrimSuffix(a, "/..."))),
		strings.Compare(a, b))
}
