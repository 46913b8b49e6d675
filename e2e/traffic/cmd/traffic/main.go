// Command traffic sends requests at a fixed rate and prints every second which versions answered.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/e2e/traffic"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal ends the traffic with its summary. A second one ends the command.
	context.AfterFunc(ctx, stop)
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	options := traffic.Options{}
	var duration time.Duration
	var headers, also []string
	cmd := &cobra.Command{
		Use: "traffic", Short: "Send requests at a fixed rate and count the answers by version",
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if duration <= 0 {
				return fmt.Errorf("--duration %s: must be above 0, such as 1m", duration)
			}
			var err error
			if options.Header, err = headerOf(headers); err != nil {
				return err
			}
			for _, url := range also {
				options.Also = append(options.Also, traffic.Target{URL: url, Host: options.Host})
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), duration)
			defer cancel()
			return send(ctx, options, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&options.URL, "url", "http://127.0.0.1:8080/", "URL on this machine's loopback")
	cmd.Flags().StringVar(&options.Host, "host", "", "Host header")
	cmd.Flags().Float64Var(&options.Rate, "rate", 20, "requests per second")
	cmd.Flags().DurationVar(&duration, "duration", 10*time.Minute, "how long to send")
	cmd.Flags().DurationVar(&options.Timeout, "timeout", 10*time.Second, "how long to wait for an answer")
	cmd.Flags().BoolVar(&options.NoKeepAlive, "no-keep-alive", false, "make a connection for each request")
	cmd.Flags().IntVar(&options.Users, "users", 0, "number of users who send the requests, each with their own cookies; 0 keeps none")
	cmd.Flags().StringArrayVar(&also, "also", nil, "another URL, called in turn with --url and the same Host header")
	cmd.Flags().StringArrayVar(&headers, "header", nil, "another header, as \"Name: value\"")
	return cmd
}

// headerOf reads "Name: value" lines.
func headerOf(lines []string) (http.Header, error) {
	header := http.Header{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return nil, fmt.Errorf("--header %q: must be such as \"Name: value\"", line)
		}
		if strings.EqualFold(name, "Host") {
			return nil, fmt.Errorf("--header %q: the Host header is set by --host", line)
		}
		header.Add(name, strings.TrimSpace(value))
	}
	return header, nil
}

// settle is how long after a second all its answers have been counted.
const settle = 100 * time.Millisecond

func send(ctx context.Context, options traffic.Options, out io.Writer) error {
	next := time.Now().Truncate(time.Second)
	run, err := traffic.Start(ctx, options)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-run.Ended():
			report := run.Report()
			printSeconds(out, report, next, time.Now())
			_, _ = fmt.Fprintln(out)
			return report.Summarize(out)
		case now := <-ticker.C:
			next = printSeconds(out, run.Report(), next, now.Add(-settle).Truncate(time.Second))
		}
	}
}

// printSeconds prints each second from the first to before the end, including those without an answer, and returns the next
// one.
func printSeconds(out io.Writer, report traffic.Report, from, end time.Time) time.Time {
	answered := map[int64]traffic.Report{}
	for _, second := range report.Seconds() {
		answered[second.At.Unix()] = second.Report
	}
	for ; from.Before(end); from = from.Add(time.Second) {
		_, _ = fmt.Fprintf(out, "%s  %s\n", from.Format(time.TimeOnly), answered[from.Unix()])
	}
	return from
}
