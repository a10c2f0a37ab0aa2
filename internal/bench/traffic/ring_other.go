//go:build !linux

package main

import (
	"context"
	"errors"
)

func ring(context.Context, string) error { return errors.New("packet rings are Linux's") }
