package watch_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"sync"
	"testing"

	"safelight/collector/watch"
	safelightv1 "safelight/proto/safelight/v1"
)

// hung is an About page that a test changes.
type hung struct {
	mu   sync.Mutex // guards text
	text string
}

func (h *hung) Copies() map[string][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.text == "" {
		return nil
	}
	return map[string][]byte{"about.txt": []byte(h.text)}
}

func (h *hung) Address() string { return "https://about.school.example" }

func (h *hung) set(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = text
}

func TestEachDeviceIsToldOfTheAboutPageOnceAndOfEachChange(t *testing.T) {
	h := &hung{}
	h.set("first")
	stream, svc := overlaid(t, &laid{}, nil, h, "about")
	next := func(want string) {
		t.Helper()
		d, err := stream.Recv()
		must(t, err)
		sum := sha256.Sum256([]byte(want))
		c := d.GetCommand()
		if c.GetName() != "about" || c.GetArgs()["address"] != "https://about.school.example" || c.GetArgs()["about.txt"] != hex.EncodeToString(sum[:]) {
			t.Errorf("sent %v, want the sum of %q", d, want)
		}
	}
	next("first")
	svc.AboutChanged() // nothing did
	h.set("second")
	svc.AboutChanged()
	next("second")
}

func TestADeviceThatKeepsNoAboutPageAndOneBeforeThereIsAnyAreSentNone(t *testing.T) {
	with, without := &hung{}, &hung{}
	with.set("text")
	for name, c := range map[string]struct {
		about watch.About
		cap   string
	}{"an older agent": {with, "policy"}, "no page yet": {without, "about"}} {
		stream, _ := overlaid(t, &laid{}, nil, c.about, c.cap)
		must(t, stream.CloseSend())
		if d, err := stream.Recv(); err == nil {
			t.Errorf("%s: it was sent %v", name, d)
		}
	}
}

func TestTheAboutPagesFilesAreFetchedLikeAPolicys(t *testing.T) {
	h := &hung{}
	h.set("what Safelight does")
	client := aboutClient(t, h)
	sum := sha256.Sum256([]byte("what Safelight does"))
	stream, err := client.FetchBlob(t.Context(), &safelightv1.FetchBlobRequest{Sha256: sum[:], Offset: 5})
	must(t, err)
	chunk, err := stream.Recv()
	must(t, err)
	if string(chunk.GetData()) != "Safelight does" {
		t.Errorf("got %q", chunk.GetData())
	}
	if _, err := stream.Recv(); err != io.EOF { //nolint:errorlint // gRPC's own
		t.Errorf("then %v", err)
	}
}
