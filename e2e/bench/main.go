// Command bench measures rollouts on the cluster of the checkout and prints a table.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

const (
	rate   = 50
	limit  = 5 * time.Minute
	glance = 20 * time.Millisecond
)

func main() {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// bench is the application under traffic.
type bench struct {
	*app.App
	run *traffic.Run
}

func run(ctx context.Context) error {
	a, err := app.Connect(ctx, "bench")
	if err != nil {
		return err
	}
	fmt.Println("measuring a promotion and a rollback, steps of 10 s from 10% to 50% judged by thresholds, 50 requests per second; this takes two minutes")
	if err := a.Delete(ctx); err != nil {
		return err
	}
	if err := a.Deploy(ctx, app.Options{Annotations: map[string]string{"sluice.dev/canary": "true", "sluice.dev/guard": "false", "sluice.dev/interval": "10s"}}); err != nil {
		return err
	}
	b := &bench{App: a}
	if b.run, err = a.Traffic(ctx, rate); err != nil {
		return err
	}
	defer b.run.Stop()
	if _, err := b.until(ctx, func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseInitialized }); err != nil {
		return err
	}
	good, err := b.good(ctx)
	if err != nil {
		return err
	}
	bad, err := b.bad(ctx)
	if err != nil {
		return err
	}
	print(append(good, bad...))
	return a.Delete(ctx)
}

// row is one measured value. flagger is what Flagger 1.44 needed on the same kind of cluster at its shortest interval (10 s).
type row struct{ what, sluice, flagger string }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func (b *bench) good(ctx context.Context) ([]row, error) {
	began := time.Now()
	if _, err := b.Kubectl(ctx, "", "set", "env", "deployment/podinfo", "VERSION=v2"); err != nil {
		return nil, err
	}
	held := time.Now()
	copied, err := b.copied(ctx)
	if err != nil {
		return nil, err
	}
	step, err := b.until(ctx, func(s v1alpha1.CanaryStatus) bool { return s.Open().Step.Number == 1 && s.Open().Step.InEffect != nil })
	if err != nil {
		return nil, err
	}
	ready, err := b.readyAt(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := b.until(ctx, func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseSucceeded }); err != nil {
		return nil, err
	}
	ended := time.Now()
	report := b.run.Report()
	return []row{
		{"candidate held to canary Deployment exists", seconds(copied.Sub(held)), "-"},
		{"canary pod ready (to the second) to first weight in effect", seconds(step.Open().Step.InEffect.Sub(ready)), "-"},
		{"set image to first canary response", seconds(report.FirstSeen("v2").Sub(began)), "13.7 s"},
		{"whole rollout, 10 to 50% in steps of 10 s", seconds(ended.Sub(began)), "84 s"},
		{"failed requests during promotion", fmt.Sprint(report.Between(began, ended).Failed().Total()), "-"},
	}, nil
}

func (b *bench) bad(ctx context.Context) ([]row, error) {
	began := time.Now()
	if _, err := b.Kubectl(ctx, "", "set", "env", "deployment/podinfo", "VERSION=v3", "ERROR_RATE=0.5"); err != nil {
		return nil, err
	}
	if _, err := b.until(ctx, func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseProgressing }); err != nil {
		return nil, err
	}
	failed, err := b.until(ctx, func(s v1alpha1.CanaryStatus) bool { return s.Candidate.Outcome == v1alpha1.OutcomeFailed })
	if err != nil {
		return nil, err
	}
	cleared, err := b.until(ctx, func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseFailed || s.Open().Cleared != nil
	})
	if err != nil {
		return nil, err
	}
	if _, err := b.until(ctx, func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseFailed }); err != nil {
		return nil, err
	}
	report := b.run.Report().Between(began, time.Time{})
	verdict := failed.LastCheckTime.Time
	inEffect := "-"
	if at := cleared.Open().Cleared; at != nil {
		inEffect = seconds(at.Sub(verdict))
	}
	return []row{
		{"failing verdict to weight 0 in effect", inEffect, "-"},
		{"failing verdict to last canary response", seconds(report.LastSeen("v3").Sub(verdict)), "10.5 s"},
		{"failed requests served before rollback (half of v3's fail)", fmt.Sprint(report.Failed().Total()), "231"},
	}, nil
}

// copied is when the canary's Deployment was first seen.
func (b *bench) copied(ctx context.Context) (time.Time, error) {
	var seen *appsv1.Deployment
	err := poll(ctx, func() (bool, error) {
		var err error
		seen, err = b.Deployment(ctx, "podinfo-canary")
		return seen != nil, err
	})
	return time.Now(), err
}

// readyAt is when the canary became available, to the second that Kubernetes records.
func (b *bench) readyAt(ctx context.Context) (time.Time, error) {
	copied, err := b.Deployment(ctx, "podinfo-canary")
	if err != nil {
		return time.Time{}, err
	}
	if copied == nil {
		return time.Time{}, fmt.Errorf("the canary is gone")
	}
	for _, c := range copied.Status.Conditions {
		if c.Type == appsv1.DeploymentAvailable {
			return c.LastTransitionTime.Time, nil
		}
	}
	return time.Time{}, fmt.Errorf("the canary was never available")
}

func (b *bench) until(ctx context.Context, holds func(v1alpha1.CanaryStatus) bool) (v1alpha1.CanaryStatus, error) {
	var last v1alpha1.CanaryStatus
	err := poll(ctx, func() (bool, error) {
		canary, err := b.Canary(ctx)
		if err != nil || canary == nil {
			return false, err
		}
		last = canary.Status
		return holds(last), nil
	})
	if err != nil {
		return last, fmt.Errorf("%w; the Canary is %s: %s", err, last.Phase, last.Message)
	}
	return last, nil
}

func poll(ctx context.Context, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		if ok, err := holds(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func print(rows []row) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nMEASURE\tSLUICE\tFLAGGER 1.44")
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", r.what, r.sluice, r.flagger)
	}
	_ = w.Flush()
}
