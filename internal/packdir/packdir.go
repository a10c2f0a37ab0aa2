// Package packdir reads rule packs from a disk into the map that rules.Compile
// takes. It knows folders and files and nothing of what stands in them. The
// collector's rules verbs and the agent's judge verb use it; a running agent
// does not, since its rules come in a signed manifest.
//
// Whatever it is pointed at, the protected pack (G5) and the locked pack (D12,
// G16) that are built into the program are part of the answer, and a folder that
// claims to be one of them but differs from it is refused.
package packdir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"safelight/packs"
)

const (
	packFile = "pack.yaml"
	// listFolder holds the lists of names that a pack's files take, and weightFolder
	// their weighed words.
	listFolder, weightFolder = "lists", "weights"
	// maxFile and maxFiles bound what a wrong folder can make us read.
	maxFile  = 1 << 20
	maxFiles = 2000
)

// builtIn are the packs that no school may change or leave out.
var builtIn = []string{"protected", "locked"}

// Read reads a pack, or a folder of packs, and adds those that are built in.
func Read(dir string) (map[string][]byte, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("reading packs in %s: %w", dir, errors.Unwrap(err))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("reading packs in %s: it is a file: want a folder with a %s, or a folder of such folders", dir, packFile)
	}
	name, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("reading packs in %s: %w", dir, err)
	}
	files, err := ReadFS(os.DirFS(dir), filepath.Base(name))
	if err != nil {
		return nil, fmt.Errorf("reading packs in %s: %w", dir, err)
	}
	return files, nil
}

// Shipped gives all packs built into the program.
func Shipped() (map[string][]byte, error) { return ReadFS(packs.FS, "packs") }

// ReadFS reads as Read does; name is what the root is called, for a root that
// is itself one pack.
func ReadFS(root fs.FS, name string) (map[string][]byte, error) {
	r := reader{root: root, files: map[string][]byte{}}
	one, err := r.isPack(".")
	if err != nil {
		return nil, err
	}
	if one {
		err = r.pack(".", name)
	} else {
		err = r.tree()
	}
	if err != nil {
		return nil, err
	}
	for _, pack := range builtIn {
		if err := r.with(pack); err != nil {
			return nil, err
		}
	}
	return r.files, nil
}

type reader struct {
	root  fs.FS
	files map[string][]byte
}

func (r *reader) isPack(dir string) (bool, error) {
	_, err := fs.Stat(r.root, path.Join(dir, packFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// tree reads each folder of the root as a pack.
func (r *reader) tree() error {
	entries, err := fs.ReadDir(r.root, ".")
	if err != nil {
		return err
	}
	found := 0
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."):
			continue
		case e.Type()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a symbolic link: copy the folder itself", name)
		case !e.IsDir() && path.Ext(name) == ".yaml":
			return fmt.Errorf("%s stands outside a pack: want it in a folder with a %s of `pack: NAME`, `title: ...`, `version: 1`", name, packFile)
		case !e.IsDir():
			continue
		}
		if err := r.pack(name, name); err != nil {
			return err
		}
		found++
	}
	if found == 0 {
		return fmt.Errorf("no pack found: want a folder with a %s of `pack: NAME`, `title: ...`, `version: 1`", packFile)
	}
	return nil
}

// pack reads the YAML files of one folder under the name given.
func (r *reader) pack(dir, name string) error {
	entries, err := fs.ReadDir(r.root, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		file := e.Name()
		at := path.Join(dir, file)
		switch {
		case strings.HasPrefix(file, "."):
		case path.Ext(file) == ".yml":
			return fmt.Errorf("%s ends in .yml: rename it to .yaml", at)
		case e.Type()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a symbolic link: copy what it points at", at)
		case e.IsDir() && (file == listFolder || file == weightFolder):
			if err := r.texts(at, path.Join(name, file)); err != nil {
				return err
			}
		case e.IsDir():
			return fmt.Errorf("%s is a folder inside a pack: want its files beside %s, lists of names in a folder %s, weighed words in one %s", at, packFile, listFolder, weightFolder)
		case path.Ext(file) != ".yaml":
		case !e.Type().IsRegular(): // opening a pipe would wait for ever
			return fmt.Errorf("%s is not an ordinary file: take it out of the pack", at)
		default:
			if err := r.file(at, path.Join(name, file)); err != nil {
				return err
			}
		}
	}
	if _, ok := r.files[path.Join(name, packFile)]; !ok {
		return fmt.Errorf("%s has no %s: add one with `pack: NAME`, `title: ...`, `version: 1`", dir, packFile)
	}
	return nil
}

// texts reads the texts that the files of a pack take.
func (r *reader) texts(dir, name string) error {
	entries, err := fs.ReadDir(r.root, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		at := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case path.Ext(at) != ".txt" || !e.Type().IsRegular():
			return fmt.Errorf("%s is no text: want .txt files alone in that folder", at)
		default:
			if err := r.file(at, path.Join(name, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reader) file(at, key string) error {
	f, err := r.root.Open(at)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", at, err)
	}
	if len(data) > maxFile {
		return fmt.Errorf("%s is larger than %d bytes: split it", at, maxFile)
	}
	if len(r.files) == maxFiles {
		return fmt.Errorf("more than %d files: this is no folder of packs", maxFiles)
	}
	r.files[key] = data
	return nil
}

// with adds a built-in pack. A folder of that name is welcome only if it is the
// same, so that a copy of the shipped tree works.
func (r *reader) with(pack string) error {
	own := map[string][]byte{}
	for name, data := range r.files {
		if path.Dir(name) == pack {
			own[path.Base(name)] = data
		}
	}
	entries, err := packs.FS.ReadDir(pack)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(pack, e.Name())
		data, err := packs.FS.ReadFile(name)
		if err != nil {
			return err
		}
		if len(own) > 0 && !bytes.Equal(data, own[e.Name()]) {
			return fmt.Errorf("%s differs from the one in this program: the %s pack is not a school's to change; delete the folder and it is added by itself", name, pack)
		}
		delete(own, e.Name())
		r.files[name] = data
	}
	for extra := range own {
		return fmt.Errorf("%s is not part of the %s pack in this program: put a school's own rules into a pack of another name", path.Join(pack, extra), pack)
	}
	return nil
}
