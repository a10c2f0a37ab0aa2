package logging

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
)

// fileBytes is how long a log file grows before it is moved aside; there are two
// of them at most.
const fileBytes = 5 << 20

// Open makes the logger of a program that stays: to the file at path, where the
// service manager keeps nothing that a program prints (Windows, launchd), else to
// out. level is as ParseLevel takes it. The caller closes it last.
func Open(out io.Writer, level slog.Level, path string) (log *slog.Logger, done func() error, err error) {
	var lv slog.LevelVar
	lv.Set(level)
	if path == "" {
		return New(out, &lv), func() error { return nil }, nil
	}
	f, err := openFile(path, fileBytes)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the log: %w", err)
	}
	return New(f, &lv), f.Close, nil
}

// file is a log on disk and, beside it under .1, the one before.
type file struct {
	path string
	most int64

	mu   sync.Mutex // guards what follows
	f    *os.File
	size int64
}

func openFile(path string, most int64) (*file, error) {
	l := &file{path: path, most: most}
	return l, l.open()
}

func (l *file) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.f, l.size = f, info.Size()
	return nil
}

// Write appends one line, which slog hands over whole.
func (l *file) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(line)) > l.most {
		if err := l.turn(); err != nil {
			return 0, err
		}
	}
	n, err := l.f.Write(line)
	l.size += int64(n)
	return n, err
}

// turn moves the file aside. Where that fails, an open reader on Windows for one,
// the file grows on until it can be moved. Where no file can be opened after it, the
// next line tries again: a disk that was full for a minute ends no log.
func (l *file) turn() error {
	if err := l.f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	_ = os.Rename(l.path, l.path+".1")
	return l.open()
}

func (l *file) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
