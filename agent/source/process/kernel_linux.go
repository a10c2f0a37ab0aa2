package process

import (
	"context"

	"github.com/shirou/gopsutil/v3/process"
)

// kthreadd is the pid of the process that all of the kernel's threads are
// children of.
const kthreadd = 2

// kernelThread says whether p is a thread of the kernel, which runs no program.
func kernelThread(ctx context.Context, p *process.Process) bool {
	if p.Pid == kthreadd {
		return true
	}
	parent, err := p.PpidWithContext(ctx)
	return err == nil && parent == kthreadd
}
