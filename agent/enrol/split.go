package enrol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// nextDir is where a new identity is made ready. It counts from the moment its
// identity file is there.
func nextDir(dir string) string { return filepath.Join(dir, "next-identity") }

// Split makes this device, a copy of another, one of its own: a new key, and the
// new id that the collector gives it. The new identity is taken over when dir is
// next loaded; whatever is spooled then goes out under it.
func (id *Identity) Split(ctx context.Context, dir string, client safelightv1.EnrolmentServiceClient, instance []byte, version string) error {
	next := nextDir(dir)
	if err := os.MkdirAll(next, 0o700); err != nil {
		return fmt.Errorf("becoming a device of its own: %w", err)
	}
	key, err := pki.LoadOrMakeKey(keyFile(next), pki.NewKey)
	if err != nil {
		return fmt.Errorf("becoming a device of its own: %w", err)
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		return err
	}
	hostname, _ := os.Hostname() // an unnamed device is shown by its id
	info := &safelightv1.DeviceInfo{Hostname: hostname, Os: runtime.GOOS, Arch: runtime.GOARCH, AgentVersion: version}
	addHardware(info)
	resp, err := client.Split(ctx, &safelightv1.SplitRequest{CsrDer: csr, Instance: instance, Device: info})
	if err != nil {
		return err
	}
	trust, err := keepRecovery(id.trusted(), resp.GetTrust())
	if err != nil {
		return err
	}
	own := &Identity{DeviceID: resp.GetDeviceId(), School: resp.GetSchool(), Addresses: id.Addresses, key: key, trust: trust}
	if err := checkTrust(trust); err != nil {
		return fmt.Errorf("becoming a device of its own: %w", err)
	}
	if !shareRoot(id.trusted(), trust) || own.School != id.School || own.DeviceID == id.DeviceID {
		return errors.New("becoming a device of its own: the answer is for another school, or changes nothing")
	}
	if own.chain, err = pki.ParseChain(resp.GetCertificatesDer()); err == nil {
		err = own.checkOwn(own.chain)
	}
	if err != nil {
		return fmt.Errorf("becoming a device of its own: %w", err)
	}
	return own.save(next)
}

// adopt takes over an identity that was made ready, or finishes doing so: the
// identity file, which goes last, says that there is one.
func adopt(dir string) error {
	next := nextDir(dir)
	if _, err := os.Stat(identityFile(next)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, file := range []func(string) string{keyFile, certFile, trustFile, identityFile} {
		if err := os.Rename(file(next), file(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.RemoveAll(next)
}
