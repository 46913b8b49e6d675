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
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
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
	fmt.Printf(line, "storm", "median", "most", "ticks/s", "edits/s")
	for _, s := range []storm{
		{"none", nil},
		{"Services relabelled", noisy.relabel},
		{"an unused MetricTemplate edited", noisy.editTemplate},
		{"Deployments relabelled", noisy.touch},
	} {
		if err := s.beside(ctx, victim); err != nil {
			return err
		}
	}
	return nil
}

// reconcile runs the reconciler in this process.
func reconcile(ctx context.Context, server *testserver.Server, victim *victim) error {
	manager, err := ctrl.NewManager(server.ReconcilerConfig, ctrl.Options{
		Scheme: server.Client.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"},
		Cache: cache.Options{DefaultTransform: reconciler.Strip},
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

// line is a line of the table: the storm, how long after the first failed check the weight is gone, ticks and edits per second.
const line = "%-34s%10s%10s%10s%10s\n"

// beside measures bad canaries while the storm lasts, and prints a line of the table.
func (s storm) beside(ctx context.Context, victim *victim) error {
	storming, end := context.WithCancel(ctx)
	var edits atomic.Int64
	if s.edit != nil {
		for first := range parallelEdits {
			go func() {
				for i := first; storming.Err() == nil; i += parallelEdits {
					if s.edit(storming, i) == nil {
						edits.Add(1)
					}
				}
			}()
		}
	}
	began, before := time.Now(), ticks()
	var delays []time.Duration
	for len(delays) < rounds {
		delay, err := victim.goBad(ctx)
		delays = append(delays, delay)
		if err != nil {
			fmt.Println("beside "+s.name+":", err)
			break
		}
	}
	lasted := time.Since(began).Seconds()
	end()
	slices.Sort(delays)
	fmt.Printf(line, s.name, seconds(delays[len(delays)/2]), seconds(delays[len(delays)-1]),
		fmt.Sprintf("%.0f", (ticks()-before)/lasted), fmt.Sprintf("%.0f", float64(edits.Load())/lasted))
	return victim.recover(ctx)
}

func seconds(d time.Duration) string {
	if d >= limit {
		return fmt.Sprintf("> %.0f s", limit.Seconds())
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
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
