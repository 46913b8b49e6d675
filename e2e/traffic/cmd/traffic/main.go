// Command traffic sends requests at a fixed rate and prints every second which versions answered.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/e2e/traffic"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	options := traffic.Options{}
	var duration time.Duration
	var headers []string
	cmd := &cobra.Command{
		Use: "traffic", Short: "Send requests at a fixed rate and count the answers by version",
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Header = http.Header{}
			for _, header := range headers {
				key, value, ok := strings.Cut(header, ":")
				if !ok {
					return fmt.Errorf("--header %q: must be such as \"Name: value\"", header)
				}
				options.Header.Add(strings.TrimSpace(key), strings.TrimSpace(value))
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), duration)
			defer cancel()
			return send(ctx, options)
		},
	}
	cmd.Flags().StringVar(&options.URL, "url", "http://127.0.0.1:8080/", "URL on this machine's loopback")
	cmd.Flags().StringVar(&options.Host, "host", "", "Host header")
	cmd.Flags().Float64Var(&options.Rate, "rate", 20, "requests per second")
	cmd.Flags().DurationVar(&duration, "duration", 10*time.Minute, "how long to send")
	cmd.Flags().StringArrayVar(&headers, "header", nil, "further header, as \"Name: value\"")
	return cmd
}

func send(ctx context.Context, options traffic.Options) error {
	run, err := traffic.Start(ctx, options)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-run.Ended():
			fmt.Println("total    ", run.Report())
			return nil
		case now := <-ticker.C:
			fmt.Println(now.Format(time.TimeOnly), "", run.Report().Between(now.Add(-2*time.Second), now.Add(-time.Second)))
		}
	}
}
