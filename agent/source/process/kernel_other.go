//go:build !linux

package process

import (
	"context"

	"github.com/shirou/gopsutil/v3/process"
)

func kernelThread(context.Context, *process.Process) bool { return false }
