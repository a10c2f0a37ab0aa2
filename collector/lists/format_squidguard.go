package lists

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// maxEntries bounds the files of an archive; the largest known holds some 400.
const maxEntries = 100_000

// readArchive takes in the names of one category of a tar archive as squidGuard
// and the lists of Toulouse (UT1) make them: a folder a category, in it a file
// `domains`, packed or not. member is the folder ("adult") or the file
// ("adult/domains"); folders above it do not matter.
func readArchive(r io.Reader, member string, limits Limits, out *intake) error {
	member = strings.Trim(path.Clean("/"+member), "/")
	if member == "" {
		return errors.New("squidguard: which category? Give `member` with its folder, such as adult")
	}
	archive := tar.NewReader(r)
	var folders []string
	found := false
	for range maxEntries {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return noMember(found, member, folders)
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w; is it a tar file?", err)
		}
		name := path.Clean("/" + head.Name)
		if folder := path.Base(path.Dir(name)); len(folders) < 12 && !slices.Contains(folders, folder) && head.Typeflag == tar.TypeReg {
			folders = append(folders, folder)
		}
		if head.Typeflag != tar.TypeReg || !isMember(name, member) {
			continue
		}
		text, err := unpack(archive, limits)
		if err != nil {
			return fmt.Errorf("reading %s of the archive: %w", member, err)
		}
		if err := readText(text, domains{}, out); err != nil {
			return fmt.Errorf("reading %s of the archive: %w", member, err)
		}
		found = true
	}
	return fmt.Errorf("the archive holds over %d files: it is not taken", maxEntries)
}

// isMember says whether a file of the archive is the one that is meant.
func isMember(name, member string) bool {
	name = strings.TrimSuffix(name, ".gz")
	return strings.HasSuffix(name, "/"+member+"/domains") || path.Base(member) == "domains" && strings.HasSuffix(name, "/"+strings.TrimSuffix(member, ".gz"))
}

func noMember(found bool, member string, folders []string) error {
	if found {
		return nil
	}
	return fmt.Errorf("the archive holds no %s/domains; it holds the folders %q", strings.TrimSuffix(member, "/domains"), folders)
}
