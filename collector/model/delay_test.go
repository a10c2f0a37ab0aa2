package model_test

import (
	"testing"
	"time"

	"safelight/collector/model"
)

func TestDelayIsToTheFirstWhoAccepted(t *testing.T) {
	first := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	a := model.Alert{First: first}
	if _, ok := model.Delay(a, []model.Notification{{}}); ok {
		t.Error("a delay though nobody was told")
	}
	d, ok := model.Delay(a, []model.Notification{{Accepted: first.Add(3 * time.Second)}, {}, {Accepted: first.Add(2 * time.Second)}})
	if !ok || d != 2*time.Second {
		t.Errorf("delay = %s, %t; want 2s", d, ok)
	}
}
