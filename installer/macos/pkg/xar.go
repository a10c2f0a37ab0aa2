package pkg

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // the format's; it guards against damage, and not against anybody
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"
)

// entry is a file of a xar archive.
type entry struct {
	name string
	data []byte
}

// xar writes an archive: a head, a table of contents in zlib'd XML, and the heap,
// which begins with the table's checksum.
//
//	head  "xar!" length(2)=28 version(2)=1 table(8) table unpacked(8) SHA-1(4)=1
func xar(files []entry, made time.Time) ([]byte, error) {
	const heading = 28
	var heap bytes.Buffer // behind the table's checksum
	var toc strings.Builder
	fmt.Fprintf(&toc, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<xar><toc><creation-time>%s</creation-time><checksum style="sha1"><offset>0</offset><size>%d</size></checksum>`,
		made.UTC().Format("2006-01-02T15:04:05"), sha1.Size)
	for i, f := range files {
		sum := sha1.Sum(f.data) //nolint:gosec // see above
		hash := hex.EncodeToString(sum[:])
		var name bytes.Buffer
		if err := xml.EscapeText(&name, []byte(f.name)); err != nil {
			return nil, err
		}
		fmt.Fprintf(&toc, `<file id="%d"><data><length>%d</length><offset>%d</offset><size>%d</size>`+
			`<encoding style="application/octet-stream"/><extracted-checksum style="sha1">%s</extracted-checksum>`+
			`<archived-checksum style="sha1">%s</archived-checksum></data>`+
			`<mode>0644</mode><uid>0</uid><gid>0</gid><type>file</type><name>%s</name></file>`,
			i+1, len(f.data), sha1.Size+heap.Len(), len(f.data), hash, hash, name.String())
		heap.Write(f.data)
	}
	toc.WriteString("</toc></xar>\n")
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write([]byte(toc.String())); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	sum := sha1.Sum(packed.Bytes()) //nolint:gosec // see above
	head := pack("xar!", uint16(heading), uint16(1), uint64(packed.Len()), uint64(toc.Len()), uint32(1))
	return slices.Concat(head, packed.Bytes(), sum[:], heap.Bytes()), nil
}
