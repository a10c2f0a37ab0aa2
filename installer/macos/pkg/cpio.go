package pkg

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// archive is a gzip'd cpio archive of the portable form (POSIX.1-1988, "odc"):
// each file a header of octal digits, its name, its bytes.
func archive(all []File, mtime int64) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	for i, f := range all {
		if err := member(z, uint32(i+1), f, mtime); err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.Path, err)
		}
	}
	if err := member(z, 0, File{Path: "TRAILER!!!"}, 0); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func member(w io.Writer, inode uint32, f File, mtime int64) error {
	links := 1
	if f.Dir {
		links = 2
	}
	mode := f.mode()
	if inode == 0 {
		mode = 0
	}
	const device, uid, special = 0, 0, 0
	if _, err := fmt.Fprintf(w, "070707%06o%06o%06o%06o%06o%06o%06o%011o%06o%011o%s\x00",
		device, inode, mode, uid, f.GID, links, special, mtime, len(f.Path)+1, len(f.Data), f.Path); err != nil {
		return err
	}
	_, err := w.Write(f.Data)
	return err
}

// mode is the file's mode with its kind.
func (f File) mode() uint32 {
	const file, folder = 0o100000, 0o040000
	if f.Dir {
		return folder | f.Mode
	}
	return file | f.Mode
}
