//go:build !windows

package ossvc

import (
	"context"
	"os"
	"syscall"
	"testing"
)

func TestASignalFromTheServiceManagerStopsTheProgram(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		stopped := false
		err := Run(t.Context(), Program{Name: "safelight-agent", Service: true, Run: func(ctx context.Context) error {
			if err := syscall.Kill(os.Getpid(), sig); err != nil {
				return err
			}
			<-ctx.Done()
			stopped = true
			return ctx.Err()
		}})
		if err != nil || !stopped {
			t.Errorf("%v: stopped %v, %v", sig, stopped, err)
		}
	}
}
