package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// call is a function that product code in some folders must not name.
type call struct {
	pkg, name string // "time", "Sleep"; a name ending in "*" is a beginning
	in        []string
	instead   string
	except    map[string]string // file -> why it may
}

// checkCalls returns where a forbidden function is named, and which exceptions
// nothing needs any more.
func checkCalls(t tree, calls []call) []string {
	var wrong []string
	for _, c := range calls {
		unused := map[string]bool{}
		for excepted := range c.except {
			unused[excepted] = true
		}
		for _, f := range t.product() {
			if !allowed(f.folder, c.in) {
				continue
			}
			found := c.find(f)
			if _, ok := c.except[f.path]; ok {
				unused[f.path] = len(found) == 0
				continue
			}
			wrong = append(wrong, found...)
		}
		for excepted, stale := range unused {
			if stale {
				wrong = append(wrong, fmt.Sprintf("%s: no longer uses %s.%s: take it off the list of exceptions", excepted, c.pkg, c.name))
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

func (c call) find(f file) []string {
	local := c.localName(f)
	if local == "" {
		return nil
	}
	var found []string
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && c.names(sel.Sel.Name) {
			found = append(found, fmt.Sprintf("%s:%d: %s.%s: %s", f.path, f.fset.Position(sel.Pos()).Line, c.pkg, sel.Sel.Name, c.instead))
		}
		return true
	})
	return found
}

func (c call) names(used string) bool {
	if beginning, ok := strings.CutSuffix(c.name, "*"); ok {
		return strings.HasPrefix(used, beginning)
	}
	return used == c.name
}

// localName is what the file calls the package, or "" if it does not import it.
func (c call) localName(f file) string {
	for i, imported := range f.imports {
		if imported != c.pkg {
			continue
		}
		if n := f.syntax.Imports[i].Name; n != nil {
			return n.Name
		}
		return path.Base(c.pkg)
	}
	return ""
}
