package weblog

import "bytes"

// maxLine is the longest line that is read. A longer one is skipped and
// counted; the lines after it are read as ever.
const maxLine = 64 << 10

// lines cuts a stream of bytes into lines with bounded memory.
//
//	offset            position of the first byte not yet given out
//	buf               bytes from offset on that make no whole line yet
//	skipping          the line at hand is too long: its bytes are let go
type lines struct {
	buf      []byte
	offset   int64
	skipping bool
	tooLong  uint64
}

// feed takes the next bytes and calls each with every whole line, without its
// end, and the position after it. The line is good only during the call.
func (l *lines) feed(b []byte, each func(line []byte, after int64) error) error {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			l.put(b)
			return nil
		}
		line := b[:end]
		b = b[end+1:]
		switch {
		case l.skipping:
			l.offset += int64(end) + 1
			l.skipping = false
			continue
		case len(l.buf)+len(line) > maxLine:
			l.offset += int64(len(l.buf)+len(line)) + 1
			l.empty()
			l.tooLong++
			continue
		case len(l.buf) > 0:
			l.buf = append(l.buf, line...)
			line = l.buf
		}
		l.offset += int64(len(line)) + 1
		err := each(bytes.TrimSuffix(line, []byte("\r")), l.offset)
		l.empty()
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *lines) put(b []byte) {
	if l.skipping {
		l.offset += int64(len(b))
		return
	}
	if len(l.buf)+len(b) > maxLine {
		l.offset += int64(len(l.buf) + len(b))
		l.empty()
		l.skipping = true
		l.tooLong++
		return
	}
	l.buf = append(l.buf, b...)
}

// rest gives out a last line that no line end follows.
func (l *lines) rest(each func(line []byte, after int64) error) error {
	if len(l.buf) == 0 {
		l.skipping = false
		return nil
	}
	line := l.buf
	l.offset += int64(len(line))
	err := each(line, l.offset)
	l.empty()
	return err
}

// empty lets the line go, its path and query with it (G11).
func (l *lines) empty() {
	clear(l.buf)
	l.buf = l.buf[:0]
}
