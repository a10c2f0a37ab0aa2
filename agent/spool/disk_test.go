package spool

import (
	"sync/atomic"
)

// countingDisk counts syncs of files.
type countingDisk struct {
	osDisk
	syncs atomic.Int64
}

type countingFile struct {
	file
	d *countingDisk
}

func (d *countingDisk) open(path string) (file, error) {
	f, err := d.osDisk.open(path)
	if err != nil {
		return nil, err
	}
	return countingFile{f, d}, nil
}

func (f countingFile) sync() error {
	f.d.syncs.Add(1)
	return f.file.sync()
}
