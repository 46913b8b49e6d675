// Command kubectl-sluice is the kubectl plugin: kubectl sluice.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"sluice.dev/sluice/internal/plugin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	if err := plugin.NewCommand(streams).ExecuteContext(ctx); err != nil {
		if !plugin.IsPrinted(err) {
			fmt.Fprintln(os.Stderr, "Error:", err)
		}
		os.Exit(plugin.ExitCode(err))
	}
}
