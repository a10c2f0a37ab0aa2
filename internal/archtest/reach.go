package archtest

import (
	"bufio"
	"errors"
	"fmt"
	"go/build"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"safelight/internal/licence"
)

// ban is a package that a program must not link, on any system that we build
// for, through whatever chain of imports.
type ban struct {
	from   string // the program's folder
	banned string // a pattern of import paths
	why    string
}

// target is a system that we build for.
type target struct{ goos, goarch string }

// reacher follows imports from a program into the sources of the modules it
// uses, as go.mod and the module cache have them, with the build tags of a
// release. It asks no go command: go.mod of a module at go 1.17 or later names
// every module that the build needs.
type reacher struct {
	root    string
	cache   string            // GOMODCACHE
	modules map[string]string // path -> version
	tags    []string
	seen    map[string][]string // folder on disk and target -> imports
}

func newReacher(root, cache string, tags []string) (*reacher, error) {
	modules, err := readGoMod(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	return &reacher{root: root, cache: cache, modules: modules, tags: tags, seen: map[string][]string{}}, nil
}

// readGoMod reads the require lines. A replace would make the module cache the
// wrong place to look, so one is refused.
func readGoMod(name string) (map[string]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	modules := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(lines.Text()), "require "))
		if len(fields) > 0 && fields[0] == "replace" {
			return nil, fmt.Errorf("reading %s: it has a replace, which archtest does not follow", name)
		}
		if len(fields) >= 2 && strings.HasPrefix(fields[1], "v") && strings.Contains(fields[0], ".") {
			modules[fields[0]] = fields[1]
		}
	}
	return modules, lines.Err()
}

// check returns how each ban is broken, with the chain of imports that does it.
func (r *reacher) check(bans []ban, targets []target) ([]string, error) {
	var wrong []string
	for _, t := range targets {
		for from, its := range byProgram(bans) {
			chains, err := r.reach(module+"/"+from, t)
			if err != nil {
				return nil, err
			}
			for _, b := range its {
				if chain := shortest(chains, b.banned); chain != nil {
					wrong = append(wrong, fmt.Sprintf("%s for %s/%s links %s (%s): %s",
						from, t.goos, t.goarch, b.banned, strings.Join(chain, " -> "), b.why))
				}
			}
		}
	}
	slices.Sort(wrong)
	return slices.Compact(wrong), nil
}

func byProgram(bans []ban) map[string][]ban {
	m := map[string][]ban{}
	for _, b := range bans {
		m[b.from] = append(m[b.from], b)
	}
	return m
}

func shortest(chains map[string][]string, banned string) []string {
	var best []string
	for pkg, chain := range chains {
		if within(pkg, banned) && (best == nil || len(chain) < len(best)) {
			best = chain
		}
	}
	return best
}

// reach returns every package that from links on a target, breadth first, with
// the shortest chain to each. Packages of the standard library are named but not
// entered.
func (r *reacher) reach(from string, t target) (map[string][]string, error) {
	chains := map[string][]string{from: {from}}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		pkg := queue[0]
		deps, err := r.importsOf(pkg, t)
		if err != nil {
			return nil, fmt.Errorf("following %s: %w", strings.Join(chains[pkg], " -> "), err)
		}
		for _, dep := range deps {
			if chains[dep] == nil {
				chains[dep] = append(slices.Clip(chains[pkg]), dep)
				queue = append(queue, dep)
			}
		}
	}
	return chains, nil
}

func (r *reacher) importsOf(pkg string, t target) ([]string, error) {
	dir, err := r.dir(pkg)
	if dir == "" || err != nil {
		return nil, err
	}
	key := dir + "\n" + t.goos + "/" + t.goarch
	if got, ok := r.seen[key]; ok {
		return got, nil
	}
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = t.goos, t.goarch, false, r.tags
	p, err := ctx.ImportDir(dir, 0)
	if none := (*build.NoGoError)(nil); err != nil && !errors.As(err, &none) {
		return nil, err
	}
	r.seen[key] = p.Imports
	return p.Imports, nil
}

// dir finds a package's sources; "" for the standard library.
func (r *reacher) dir(pkg string) (string, error) {
	if rel, ok := ours(pkg); ok {
		return filepath.Join(r.root, filepath.FromSlash(rel)), nil
	}
	if first, _, _ := strings.Cut(pkg, "/"); !strings.Contains(first, ".") {
		return "", nil
	}
	mod := r.moduleOf(pkg)
	if mod == "" {
		return "", fmt.Errorf("no module in go.mod holds %s", pkg)
	}
	return filepath.Join(r.moduleDir(mod), filepath.FromSlash(strings.TrimPrefix(pkg, mod))), nil
}

// moduleOf finds the module of go.mod that holds a package, or "".
func (r *reacher) moduleOf(pkg string) string {
	for mod := pkg; mod != "."; mod = path.Dir(mod) {
		if r.modules[mod] != "" {
			return mod
		}
	}
	return ""
}

// moduleDir is where the module cache keeps a module.
func (r *reacher) moduleDir(mod string) string {
	return licence.ModuleDir(r.cache, mod, r.modules[mod])
}
