// Command demo shows a promotion and a rollback on the cluster of the checkout, with live traffic.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

const (
	namespace = "demo"
	rate      = 50
	limit     = 5 * time.Minute
)

func main() {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 3*limit)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// demo is the application under traffic, and what has been printed about it.
type demo struct {
	*app.App
	run  *traffic.Run
	last string
}

func run(ctx context.Context) error {
	a, err := app.Connect(ctx, namespace)
	if err != nil {
		return err
	}
	fmt.Println("\nAn app with a Deployment (4 replicas of v1), a Service and an HTTPRoute, in namespace demo:")
	if err := a.Delete(ctx); err != nil {
		return err
	}
	if err := a.Deploy(ctx, app.Options{}); err != nil {
		return err
	}
	d := &demo{App: a}
	if d.run, err = a.Traffic(ctx, rate); err != nil {
		return err
	}
	defer d.run.Stop()
	if err := d.optIn(ctx); err != nil {
		return err
	}
	good, err := d.rollout(ctx, "v2")
	if err != nil {
		return err
	}
	bad, err := d.rollout(ctx, "v3", "ERROR_RATE=0.5")
	if err != nil {
		return err
	}
	summarize(good, bad)
	return nil
}

// shell prints a command as a user would type it, runs it and prints its output.
func (d *demo) shell(ctx context.Context, args ...string) error {
	fmt.Print("\n$ kubectl -n demo")
	for _, arg := range args {
		fmt.Print(" ", arg)
	}
	out, err := d.Kubectl(ctx, "", args...)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s\n", out)
	return nil
}

func (d *demo) optIn(ctx context.Context) error {
	if err := d.shell(ctx, "annotate", "deployment", "podinfo", "sluice.dev/canary=true"); err != nil {
		return err
	}
	_, err := d.follow(ctx, func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseInitialized })
	return err
}

// result is the outcome of one rollout.
type result struct {
	version  string
	phase    v1alpha1.Phase
	began    time.Time
	ended    time.Time
	requests traffic.Report
}

func (d *demo) rollout(ctx context.Context, version string, env ...string) (result, error) {
	r := result{version: version, began: time.Now()}
	if err := d.shell(ctx, append([]string{"set", "env", "deployment/podinfo", "VERSION=" + version}, env...)...); err != nil {
		return r, err
	}
	if _, err := d.follow(ctx, func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseProgressing }); err != nil {
		return r, err
	}
	status, err := d.follow(ctx, func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseSucceeded || s.Phase == v1alpha1.PhaseFailed
	})
	r.phase, r.ended = status.Phase, time.Now()
	r.requests = d.run.Report().Between(r.began, r.ended)
	return r, err
}
