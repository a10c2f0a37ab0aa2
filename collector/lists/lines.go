package lists

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxLine is the longest line that is looked at, in bytes. A host name has 253 at
// most; the rest is comment.
const maxLine = 4096

// lines reads a text line by line in constant memory.
type lines struct{ in *bufio.Reader }

func newLines(r io.Reader) *lines { return &lines{bufio.NewReaderSize(r, 64<<10)} }

// next returns a line without its end, valid until the next call. long says that
// it was longer than maxLine and was left out; a file's last line needs no end.
func (l *lines) next() (line []byte, long bool, err error) {
	line, err = l.in.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		long = true
		_, err = l.in.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	if errors.Is(err, io.EOF) && len(line) == 0 && !long {
		return nil, false, io.EOF
	}
	if long || len(line) > maxLine {
		return nil, true, nil
	}
	return bytes.TrimRight(line, "\r\n"), false, nil
}
