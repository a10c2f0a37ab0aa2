package weblog

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"safelight/internal/event"
)

const canary = "canary-7f3a"

// canaryLogs hold paths, queries and passwords in every place that a format has
// for them.
var canaryLogs = map[string]string{
	"squid": "1795302901.123 245 192.0.2.7 TCP_MISS/200 5120 GET http://www.example.org/CANARY?q=CANARY#CANARY - HIER_DIRECT/198.51.100.4 CANARY\n" +
		"1795302901.123 245 192.0.2.7 TCP_MISS/200 5120 GET http://CANARY:CANARY@www.example.org/ - HIER_DIRECT/198.51.100.4 -\n",
	"combined": `192.0.2.7 - - [21/Nov/2026:23:15:01 +0000] "GET http://www.example.org/CANARY.js?CANARY HTTP/1.1" 200 1 "http://a.example/CANARY" "CANARY" TCP_MISS:CANARY` + "\n",
	"zeek": zeekHead + "#fields\tts\tid.orig_h\tmethod\thost\turi\treferrer\tuser_agent\n1795302901.1\t192.0.2.7\tGET\twww.example.org\t/CANARY?CANARY\thttp://a.example/CANARY\tCANARY\n" +
		`{"ts":1795302901.1,"method":"GET","host":"www.example.org","uri":"/CANARY","referrer":"http://a.example/CANARY","password":"CANARY"}` + "\n",
	"csv": "time,url,category\n2026-11-21T23:15:01Z,https://u:CANARY@www.example.org/CANARY?CANARY,CANARY\n",
}

func TestG11PathAndQueryNeverLeaveTheLine(t *testing.T) {
	for format, log := range canaryLogs {
		log = strings.ReplaceAll(log, "CANARY", canary)
		sum, err := ReadAll(format, strings.NewReader(log), testOptions(), func(o event.Observation) error {
			if strings.Contains(fmt.Sprintf("%+v", o), canary) || o.Name != "www.example.org" {
				t.Errorf("%s: told %+v", format, o)
			}
			return nil
		})
		if err != nil || sum.Told == 0 {
			t.Errorf("%s: %+v, %v", format, sum, err)
		}
		for line := range strings.SplitSeq(log, "\n") { // cut short, so that it cannot be read
			if _, err := ReadAll(format, strings.NewReader(line[:len(line)/2]+"\n"), testOptions(), func(event.Observation) error { return nil }); err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("%s: %v", format, err)
			}
		}
	}
}

// What a follower remembers between two looks is searched byte by byte, room
// that slices keep for later included.
func TestG11PathAndQueryAreKeptNoLongerThanTheParse(t *testing.T) {
	for format, log := range canaryLogs {
		log = strings.ReplaceAll(log, "CANARY", canary)
		l := newLog(t)
		l.add(log)
		src, err := New(Config{Format: format, Path: l.path, Options: testOptions()})
		l.must(err)
		out := &run{t: t, refuse: -1}
		f := newFollower(src, out)
		l.must(f.step(t.Context()))
		if len(out.got) == 0 {
			t.Fatalf("%s: nothing was told", format)
		}
		if where := search(reflect.ValueOf(f), "follower", map[uintptr]bool{}); where != "" {
			t.Errorf("%s: kept in %s", format, where)
		}
		f.close()
	}
}

func TestTheSearchFindsWhatIsKept(t *testing.T) {
	kept := &struct{ a []*lines }{a: []*lines{{buf: append(make([]byte, 0, 64), canary...)[:0]}}}
	if search(reflect.ValueOf(kept), "kept", map[uintptr]bool{}) == "" {
		t.Error("room behind a slice's end is not searched")
	}
}

// search says where the canary is kept; empty is nowhere.
func search(v reflect.Value, path string, seen map[uintptr]bool) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return ""
		}
		seen[v.Pointer()] = true
		return search(v.Elem(), path, seen)
	case reflect.Interface:
		return search(v.Elem(), path, seen)
	case reflect.String:
		if strings.Contains(v.String(), canary) {
			return path
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if at := search(v.Field(i), path+"."+v.Type().Field(i).Name, seen); at != "" {
				return at
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if at := search(v.MapIndex(k), path+"[]", seen) + search(k, path+"[key]", seen); at != "" {
				return at
			}
		}
	case reflect.Slice:
		v = v.Slice(0, v.Cap())
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if bytes.Contains(v.Bytes(), []byte(canary)) {
				return path
			}
			return ""
		}
		for i := range v.Len() {
			if at := search(v.Index(i), fmt.Sprintf("%s[%d]", path, i), seen); at != "" {
				return at
			}
		}
	}
	return ""
}
