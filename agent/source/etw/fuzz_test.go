package etw

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever bytes an event holds, reading it neither fails badly nor makes up text
// that is none.
func FuzzEvent(f *testing.F) {
	for v, data := range starts() {
		f.Add(uint16(1), v, []byte(data))
	}
	f.Add(uint16(3006), uint8(0), []byte(question("www.school.example", 1)))
	f.Add(uint16(3008), uint8(0), []byte(completed("www.school.example", 1, 0, "type:  5 a.example;::ffff:192.0.2.7;")))
	f.Fuzz(func(t *testing.T, id uint16, version uint8, data []byte) {
		if q, err := (&Event{Provider: DNSClient, ID: id, Version: version, Data: data}).Query(); err == nil {
			if !utf8.ValidString(q.Name) || strings.ContainsRune(q.Name, 0) || len(q.Answers) > maxAnswers || 2*len(q.Name) > 6*len(data) {
				t.Errorf("read %+v", q)
			}
			for _, a := range q.Answers {
				if !a.IsValid() || a.Zone() != "" || a.Is4In6() {
					t.Errorf("an answer is %v", a)
				}
			}
		}
		if s, err := (&Event{Provider: KernelProcess, ID: id, Version: version, Data: data}).Start(); err == nil {
			if !utf8.ValidString(s.Image) || s.PID < 0 || s.PPID < 0 || strings.Contains(s.Package, "_") {
				t.Errorf("read %+v", s)
			}
		}
		_ = SIDText(data)
	})
}
