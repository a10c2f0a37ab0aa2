// Command traffic makes the traffic that `make bench` measures capture with, at
// one end of a cable or at the other, and plays the bare reader that capture is
// compared with. It is no part of the product.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

const usage = `usage: traffic serve                  answer at the far end until interrupted
       traffic hello COUNT ADDRESS    say a ClientHello with a name of its own on each of COUNT connections
       traffic dns COUNT ADDRESS      ask COUNT questions, each with a name and a socket of its own
       traffic upload BYTES ADDRESS   send so much over one TLS connection
       traffic ring INTERFACE         read every packet until interrupted, and say what that cost
       traffic sleep                  until interrupted`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := play(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "traffic:", err)
		os.Exit(1)
	}
}

func play(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "serve":
		return serve(ctx)
	case len(args) == 1 && args[0] == "sleep":
		<-ctx.Done()
		return nil
	case len(args) == 2 && args[0] == "ring":
		return ring(ctx, args[1])
	case len(args) == 3:
		count, err := strconv.Atoi(args[1])
		if err != nil {
			return fmt.Errorf("%q: %w", args[1], err)
		}
		switch args[0] {
		case "hello":
			return hellos(count, args[2])
		case "dns":
			return questions(count, args[2])
		case "upload":
			return upload(count, args[2])
		}
	}
	return errors.New(usage)
}
