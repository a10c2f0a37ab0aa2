//go:build !linux && !darwin

package process

func newSystem() system { return newPsutil() }
