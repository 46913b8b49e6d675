//go:build !windows

// Command storm measures on a real API server how long a bad canary keeps its requests while another tenant causes as many ticks
// as it can.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/reconciler"
)

const (
	// rounds is how often the bad canary is measured beside each storm.
	rounds = 5
	// parallelEdits is how many connections the noisy tenant uses.
	parallelEdits = 4
)

func main() {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr), zap.Level(zapcore.DPanicLevel)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	server, err := testserver.Start(ctx, testserver.OnlyWebhooks())
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop() }()
	victim := &victim{server: server}
	if err := reconcile(ctx, server, victim); err != nil {
		return err
	}
	defer server.PlayControllers(victimNamespace)()
	if err := victim.create(ctx); err != nil {
		return err
	}
	noisy := noisy{server}
	if err := noisy.create(ctx); err != nil {
		return err
	}
	fmt.Printf("measuring %d bad canaries beside each storm of a tenant with %d Deployments and %d Services; this takes some minutes\n",
		rounds, deployments, services)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "storm\tweight is gone after: median\tmost\tticks per second\tedits per second")
	for _, s := range []storm{
		{"none", nil},
		{"Services relabelled", noisy.relabel},
		{"an unused MetricTemplate edited", noisy.editTemplate},
		{"Deployments relabelled", noisy.touch},
	} {
		line, err := s.beside(ctx, victim)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(w, line)
	}
	return w.Flush()
}

// reconcile runs the reconciler in this process.
func reconcile(ctx context.Context, server *testserver.Server, victim *victim) error {
	manager, err := ctrl.NewManager(server.ReconcilerConfig, ctrl.Options{
		Scheme: server.Client.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		return err
	}
	options := reconciler.Options{Query: victim.answer, Prometheus: true, Metrics: prometheus.NewRegistry()}
	if err := reconciler.Setup(manager, options); err != nil {
		return err
	}
	go func() { _ = manager.Start(ctx) }()
	return nil
}

// storm is one way to cause ticks; none without edits.
type storm struct {
	name string
	edit func(ctx context.Context, i int) error
}

// beside measures bad canaries while the storm lasts. It returns a line of the table.
func (s storm) beside(ctx context.Context, victim *victim) (line string, err error) {
	storming, end := context.WithCancel(ctx)
	defer end()
	var edits counter
	if s.edit != nil {
		for first := range parallelEdits {
			go func() {
				for i := first; storming.Err() == nil; i += parallelEdits {
					if s.edit(storming, i) == nil {
						edits.add()
					}
				}
			}()
		}
	}
	began, before := time.Now(), ticks()
	var delays []time.Duration
	for range rounds {
		delay, err := victim.goBad(ctx)
		if err != nil {
			return "", fmt.Errorf("beside %s: %w", s.name, err)
		}
		delays = append(delays, delay)
	}
	lasted := time.Since(began).Seconds()
	slices.Sort(delays)
	return fmt.Sprintf("%s\t%s\t%s\t%.0f\t%.0f", s.name, delays[len(delays)/2].Round(time.Millisecond), delays[len(delays)-1].Round(time.Millisecond),
		(ticks()-before)/lasted, float64(edits.get())/lasted), nil
}

// ticks counts the ticks of this process.
func ticks() (total float64) {
	families, _ := metrics.Registry.Gather()
	for _, family := range families {
		if family.GetName() != "controller_runtime_reconcile_total" {
			continue
		}
		for _, series := range family.GetMetric() {
			total += series.GetCounter().GetValue()
		}
	}
	return total
}
