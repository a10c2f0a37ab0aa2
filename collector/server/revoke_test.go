package server

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/collector/enrol"
	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

type (
	shipping = safelightv1.AgentService_ShipClient
	watching = safelightv1.AgentService_WatchClient
)

// TestARevokedDeviceCannotHoldOnByReadingNothing: a stream ends by the end of its
// connection, whether its handler reads, or writes what nobody takes, or the device
// has said half a goodbye; and nothing is left of any.
func TestARevokedDeviceCannotHoldOnByReadingNothing(t *testing.T) {
	h := newHouse(t)
	conf := h.enrolled()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, act := range []func(shipping, watching){
		func(shipping, watching) {}, // waits
		func(ship shipping, _ watching) { _ = ship.CloseSend() },
		func(_ shipping, watch watching) { _ = watch.CloseSend() },
		func(ship shipping, _ watching) {
			batch := &safelightv1.EventBatch{Number: 1}
			for range 3000 { // their answers are more than a window
				if batch.Number++; ship.Send(batch) != nil {
					return
				}
			}
			_ = ship.CloseSend()
		},
	} {
		conn := h.dial(conf)
		defer conn.Close() // by then the collector has ended it
		ship, watch, err := h.streams(ctx, conn)
		if err != nil {
			t.Fatal(err)
		}
		act(ship, watch)
	}
	devices, err := h.parts.store.Devices(t.Context(), schoolID)
	if err != nil || len(devices) != 1 {
		t.Fatalf("%d devices, %v", len(devices), err)
	}
	h.parts.gate.SetRevoked([]string{devices[0].ID})
	h.settled(0, 0)
}

// TestADeviceWithManyConnectionsKeepsItsLast: the collector has room for so
// many in all, and a device that was admitted must not take it from the others.
func TestADeviceWithManyConnectionsKeepsItsLast(t *testing.T) {
	var passed atomic.Int64
	began := time.Now()
	h := newHouseAt(t, func() time.Time { return began.Add(time.Duration(passed.Load())) })
	hostile, honest := h.enrolled(), h.enrolled()
	other := h.dial(honest)
	defer other.Close()
	if _, _, err := h.streams(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for range agentLimits.perDevice + 20 {
		passed.Add(int64(enrol.Stay))
		conn := h.dial(hostile)
		defer conn.Close()
		if _, err := safelightv1.NewAgentServiceClient(conn).ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "pupil14"}); err != nil {
			t.Fatal(err)
		}
	}
	want := counts{all: agentLimits.perDevice + 1}
	deadline := time.Now().Add(20 * time.Second)
	for h.at.counted() != want {
		if time.Now().After(deadline) {
			t.Fatalf("counted %+v, want %+v", h.at.counted(), want)
		}
		<-time.After(10 * time.Millisecond)
	}
	if _, err := safelightv1.NewAgentServiceClient(other).ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "pupil14"}); err != nil {
		t.Errorf("another device: %v", err)
	}
}

// TestITIsToldOfADeviceThatIsRefusedForItsEarlierKey: it reaches the ledger, and the
// record of what happened on the device, once.
func TestITIsToldOfADeviceThatIsRefusedForItsEarlierKey(t *testing.T) {
	h := newHouse(t)
	conn := h.dial(h.enrolled())
	defer conn.Close()
	devices, err := h.parts.store.Devices(t.Context(), schoolID)
	if err != nil || len(devices) != 1 {
		t.Fatalf("%d devices, %v", len(devices), err)
	}
	h.parts.gate.SetEnded([]model.EndedKey{{Device: devices[0].ID, KeyHash: devices[0].KeyHash}})
	for range 3 {
		_, err := safelightv1.NewAgentServiceClient(conn).ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "pupil14"})
		if status.Code(err) != codes.PermissionDenied {
			t.Fatalf("it is answered %v", err)
		}
	}
	told, err := h.parts.store.HealthOf(t.Context(), schoolID, devices[0].ID, time.Time{}, 10)
	if err != nil || len(told) != 1 || told[0].Topic != model.HealthKeyEnded {
		t.Errorf("told %+v, %v", told, err)
	}
	ledger, err := h.parts.fleet.Ledger(t.Context())
	if err != nil || len(ledger.Devices) != 1 || len(ledger.Devices[0].Causes) != 1 || ledger.Devices[0].Causes[0].Code != model.CauseKeyEnded {
		t.Errorf("the ledger says %+v, %v", ledger.Devices, err)
	}
}
