//go:build !linux

package process

func newSystem() system { return newPsutil() }
