package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
)

const glance = 500 * time.Millisecond

// follow prints a line for each change, until the status is the expected one.
func (d *demo) follow(ctx context.Context, done func(v1alpha1.CanaryStatus) bool) (v1alpha1.CanaryStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		canary, err := d.Canary(ctx)
		if err != nil {
			return v1alpha1.CanaryStatus{}, err
		}
		if canary != nil {
			if err := d.show(ctx, canary.Status); err != nil {
				return canary.Status, err
			}
			if done(canary.Status) {
				return canary.Status, nil
			}
		}
		select {
		case <-ctx.Done():
			return v1alpha1.CanaryStatus{}, fmt.Errorf("the rollout did not reach the expected phase within %s; see: kubectl describe canary podinfo -n demo", limit)
		case <-ticker.C:
		}
	}
}

// show prints the phase, the stated and the observed weight, and the checks.
func (d *demo) show(ctx context.Context, s v1alpha1.CanaryStatus) error {
	written, err := d.written(ctx)
	if err != nil {
		return err
	}
	state := fmt.Sprint(s.Phase, written, s.Message)
	if state == d.last {
		return nil
	}
	d.last = state
	now := time.Now()
	seen := d.run.Report().Between(now.Add(-2*time.Second), now)
	fmt.Printf("%s  %-12s weight %3.0f%%  seen: %-34s  %s\n", now.Format(time.TimeOnly), s.Phase, written, versions(seen), s.Message)
	return nil
}

// written returns the canary's share in the rules of the HTTPRoute.
func (d *demo) written(ctx context.Context) (float64, error) {
	stored, err := d.Route(ctx)
	if err != nil || stored == nil {
		return 0, err
	}
	r := route.FromHTTP(stored)
	split := route.SplitFor(r, types.NamespacedName{Namespace: stored.Namespace, Name: stored.Name})
	if split == nil {
		return 0, nil
	}
	return route.WeightOf(r, *split), nil
}

// versions says briefly which versions answered.
func versions(seen interface{ String() string }) string {
	line, _, _ := strings.Cut(seen.String(), "  first failure")
	return line
}

func summarize(results ...result) {
	fmt.Println("\nSummary, at", rate, "requests per second all the time:")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "VERSION\tRESULT\tTIME\tREQUESTS\tANSWERED BY IT\tFAILED")
	for _, r := range results {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\n", r.version, r.phase, r.ended.Sub(r.began).Round(time.Second),
			r.requests.Total(), r.requests.Of(r.version).Total(), r.requests.Failed().Total())
	}
	_ = w.Flush()
	fmt.Print(`
The app is still there. Try next:
  eval "$(make -s cluster-env)"
  kubectl -n demo get canaries,deployments,httproutes
  kubectl -n demo describe canary podinfo
  kubectl -n demo set env deployment/podinfo VERSION=v4 ERROR_RATE-    # another good version
  kubectl -n demo annotate deployment podinfo sluice.dev/abort=true    # stop it in flight
  make cluster-down
`)
}
