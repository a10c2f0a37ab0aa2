package enrol

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"
)

const days = 24 * time.Hour

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// chainFrom is a collector's certificate as far as its times go.
func chainFrom(begin, end time.Time) []*x509.Certificate {
	return []*x509.Certificate{{NotBefore: begin, NotAfter: end}}
}

func goodAt(chain []*x509.Certificate) func(time.Time) error {
	return func(at time.Time) error {
		if at.Before(chain[0].NotBefore) || at.After(chain[0].NotAfter) {
			return errors.New("not now")
		}
		return nil
	}
}

func TestAClockTurnedBackAcceptsNoCertificateThatEndedBeforeTheLastProof(t *testing.T) {
	for name, x := range map[string]struct {
		wall       time.Time
		begin, end time.Duration // of the certificate, from the last proof
		good       bool
	}{
		"right clock, good certificate":             {noon.Add(days), -100 * days, 200 * days, true},
		"right clock, ended yesterday":              {noon.Add(2 * days), -100 * days, days, false},
		"turned back, ended before the proof":       {noon.Add(-200 * days), -300 * days, -days, false},
		"years ahead, ended before the proof":       {noon.Add(3000 * days), -300 * days, -days, false},
		"years ahead, good":                         {noon.Add(3000 * days), -100 * days, 200 * days, true},
		"years behind, made since the last proof":   {noon.Add(-9000 * days), 100 * days, 400 * days, true},
		"years ahead, made since the last proof":    {noon.Add(3000 * days), 100 * days, 400 * days, true},
		"right clock, made after now, not yet good": {noon.Add(days), 20 * days, 400 * days, false},
	} {
		c := openClock(t.TempDir(), noon.Add(-400*days))
		c.said.Server = noon
		c.use(func() time.Time { return x.wall })
		chain := chainFrom(noon.Add(x.begin), noon.Add(x.end))
		if err := c.verify(chain, goodAt(chain)); (err == nil) != x.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A stolen collector that claims the year 2100 must not make the true one look
// expired for ever.
func TestACollectorCannotCarryADeviceBeyondItsOwnCertificate(t *testing.T) {
	dir := t.TempDir()
	c := openClock(dir, noon)
	c.use(func() time.Time { return noon })
	chain := chainFrom(noon.Add(-days), noon.Add(100*days))
	if err := c.verify(chain, goodAt(chain)); err != nil {
		t.Fatal(err)
	}
	for _, said := range []time.Time{noon.Add(30000 * days), {}} {
		if err := c.Heard(said); err != nil || !c.Now().Equal(noon) {
			t.Errorf("told %s, it takes it for %s: %v", said, c.Now(), err)
		}
	}
	if err := c.Heard(noon.Add(3 * days)); err != nil {
		t.Fatal(err)
	}
	again := openClock(dir, noon)
	again.use(func() time.Time { return noon.Add(-9000 * days) })
	if got := again.Now(); got.Before(noon.Add(3 * days)) {
		t.Errorf("after a restart, and with the clock turned back, it takes it for %s", got)
	}
}
