package pkg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// File is a file or a folder of a package, root's in group wheel unless a folder
// of the system's says otherwise.
type File struct {
	Path string // "." or "./Library/LaunchDaemons/x.plist"
	Dir  bool
	Mode uint32 // permission bits
	GID  uint32
	Data []byte
}

// groupAdmin owns some of the system's folders.
const groupAdmin = 80

// system are folders that every Mac has, as it has them. A package must name
// those that its own lie in, and must not change them.
var system = map[string]File{
	"./Applications":                {Mode: 0o775, GID: groupAdmin},
	"./Library":                     {Mode: 0o755},
	"./Library/Application Support": {Mode: 0o755, GID: groupAdmin},
	"./Library/LaunchDaemons":       {Mode: 0o755},
}

// ReadTree reads a folder as a package's content, in the order of its paths, a
// folder before what is in it. Only plain files and folders can be packed.
func ReadTree(root string) ([]File, error) {
	var all []File
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f := File{Path: ".", Dir: d.IsDir(), Mode: 0o755}
		if rel != "." {
			f.Path = "./" + filepath.ToSlash(rel)
		}
		switch known, ours := system[f.Path]; {
		case ours:
			f.Mode, f.GID = known.Mode, known.GID
		case d.IsDir():
		case d.Type().IsRegular():
			info, err := d.Info()
			if err != nil {
				return err
			}
			if info.Mode()&0o111 == 0 {
				f.Mode = 0o644
			}
			if f.Data, err = os.ReadFile(p); err != nil { //nolint:gosec // the folder that was named
				return err
			}
		default:
			return fmt.Errorf("%s is neither a file nor a folder", p)
		}
		all = append(all, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the package's content: %w", err)
	}
	return all, check(all)
}

// check holds the content to what the formats can hold.
func check(all []File) error {
	if len(all) == 0 || all[0].Path != "." || !all[0].Dir {
		return errors.New("a package's content begins with the folder that holds it")
	}
	if len(all) > maxPaths {
		return fmt.Errorf("%d files and folders: this writer knows no more than %d", len(all), maxPaths)
	}
	folders := []string{}
	for _, f := range all {
		if strings.ContainsAny(f.Path, "\x00\n") {
			return fmt.Errorf("%q: such a name cannot be packed", f.Path)
		}
		if f.Path != "." && !slices.Contains(folders, parent(f.Path)) {
			return fmt.Errorf("%s: the folder it is in is not there before it", f.Path)
		}
		if f.Dir {
			folders = append(folders, f.Path)
		}
	}
	return nil
}

// parent is the folder that a path is in, written as paths are here.
func parent(p string) string {
	if d := path.Dir(p); d != "." {
		return "./" + d
	}
	return "."
}
