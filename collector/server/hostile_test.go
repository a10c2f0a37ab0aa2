package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	safelightv1 "safelight/proto/safelight/v1"
)

// TestAHostileDeviceTakesABoundedAmountOfMemoryAndHoldsUpNobody has one device with
// a good certificate do what it can on several connections at once: largest
// batches whose answers it never reads, more streams than it may, heartbeats and
// calls without end. The device is a process of its own, so that what it holds is
// not counted.
func TestAHostileDeviceTakesABoundedAmountOfMemoryAndHoldsUpNobody(t *testing.T) {
	h := newHouse(t)
	hostile, honest := h.enrolled(), h.enrolled()
	conn := h.dial(honest)
	defer conn.Close()
	served := func() {
		t.Helper()
		inner, leave := context.WithTimeout(t.Context(), time.Minute)
		defer leave()
		if _, _, err := h.streams(inner, conn); err != nil {
			t.Errorf("an honest device is not served: %v", err)
		}
	}
	served()
	before := inUse()
	stop := h.attackedBy(hostile)
	most := int64(0)
	for range 100 { // others are served meanwhile
		served()
		most = max(most, inUse()-before)
	}
	stop()
	t.Logf("%.1f MB in use beyond what was", float64(most)/1e6)
	if most > hostileBound {
		t.Errorf("%d bytes are in use beyond what was, want at most %d", most, hostileBound)
	}
}

// hostileBound is what a device can make the collector hold: on its four streams of
// each kind a message of a megabyte and what it decodes to, a window for each
// connection, and as much again that is on its way into the store. Ten were seen,
// and sixty with windows of 256 MB.
const hostileBound = 40 << 20

// inUse is what the heap holds after a collection.
func inUse() int64 {
	runtime.GC()
	return sumOf([]string{"/gc/heap/live:bytes"})
}

// attackers is how many connections the hostile device has.
const attackers = 6

// began tells the test that one way to attack is under way.
func began() func() {
	return sync.OnceFunc(func() { fmt.Println("begun") })
}

// attackFrom tells the process of a hostile device, which is this test's program,
// whom to attack and with what.
const attackFrom = "SAFELIGHT_TEST_ATTACK"

type attack struct {
	Addr  string
	Chain [][]byte
	Key   []byte // PKCS #8
}

// attackedBy lets a device loose until stop is called, which holds it to having
// done harm.
func (h *house) attackedBy(conf *tls.Config) (stop func()) {
	h.t.Helper()
	cert := conf.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		h.t.Fatal(err)
	}
	order, err := json.Marshal(attack{h.addr, cert.Certificate, key})
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.CommandContext(h.t.Context(), os.Args[0], "-test.run", "^TestAttackOfAHostileDevice$")
	cmd.Env = append(os.Environ(), attackFrom+"="+base64.StdEncoding.EncodeToString(order))
	out, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	begun := bufio.NewScanner(out)
	for range 3 * attackers {
		if !begun.Scan() {
			h.t.Fatalf("the hostile device did not begin: %v", begun.Err())
		}
	}
	return func() {
		h.t.Helper()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if status := cmd.ProcessState; status.Exited() {
			h.t.Errorf("the hostile device ended by itself: %s", status)
		}
	}
}

// TestAttackOfAHostileDevice is the other process.
func TestAttackOfAHostileDevice(t *testing.T) {
	text, err := base64.StdEncoding.DecodeString(os.Getenv(attackFrom))
	if err != nil || len(text) == 0 {
		t.Skip("it is run by TestAHostileDeviceTakesABoundedAmountOfMemoryAndHoldsUpNobody")
	}
	var a attack
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(a.Key)
	if err != nil {
		t.Fatal(err)
	}
	creds := credentials.NewTLS(&tls.Config{
		InsecureSkipVerify: true, MinVersion: tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: a.Chain, PrivateKey: key}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // it is killed before
	defer cancel()
	var flood sync.WaitGroup
	for range attackers {
		conn, err := grpc.NewClient("passthrough:///"+a.Addr, grpc.WithTransportCredentials(creds))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		client := safelightv1.NewAgentServiceClient(conn)
		flood.Go(func() { floodShip(ctx, client) })
		flood.Go(func() { floodWatch(ctx, client) })
		flood.Go(func() { floodCalls(ctx, client) })
	}
	flood.Wait()
}

func floodCalls(ctx context.Context, client safelightv1.AgentServiceClient) {
	for told := began(); ctx.Err() == nil; told() {
		_, _ = client.ResolveAccount(ctx, &safelightv1.ResolveAccountRequest{Account: stringOf(255)}) // be it refused
	}
}

func floodShip(ctx context.Context, client safelightv1.AgentServiceClient) {
	batch := &safelightv1.EventBatch{Hello: hello, SpoolEpoch: make([]byte, 16)}
	record := make([]byte, 3<<10)
	for seq := range uint64(256) {
		batch.Items = append(batch.Items, &safelightv1.Item{Lane: safelightv1.Severity_SEVERITY_LOW, Seq: seq + 1, Record: record})
	}
	for told := began(); ctx.Err() == nil; {
		stream, err := client.Ship(ctx)
		for ; err == nil; told() { // and reads nothing
			batch.Number++
			err = stream.Send(batch)
		}
	}
}

func floodWatch(ctx context.Context, client safelightv1.AgentServiceClient) {
	st := &safelightv1.AgentStatus{Hello: hello, Hostname: stringOf(100 << 10)}
	for told := began(); ctx.Err() == nil; {
		stream, err := client.Watch(ctx)
		for ; err == nil; told() {
			err = stream.Send(st)
		}
	}
}
