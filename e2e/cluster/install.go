package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"sluice.dev/sluice/e2e/binaries"
	"sluice.dev/sluice/e2e/pressure"
)

const (
	releaseNamespace = "sluice-system"
	prometheusURL    = "http://prometheus.monitoring:9090"
)

// lease returns the chart's values of the lease for a machine with a number of cores: the chart's defaults on one that carries
// a cluster, and more time to renew it on one that it starves.
func lease(cores int) string {
	scaled := func(d time.Duration) string { return pressure.OnCores(d, cores).Truncate(time.Second).String() }
	return fmt.Sprintf("leaderElection.leaseDuration=%s,leaderElection.renewDeadline=%s,leaderElection.retryPeriod=%s",
		scaled(15*time.Second), scaled(10*time.Second), scaled(2*time.Second))
}

// install installs the chart of the checkout into the cluster and waits until admission is served. The image always has the
// same tag, so an annotation on the pods makes the new one run. The chart takes over CRDs that tests have applied.
func install(ctx context.Context, c *cluster) error {
	dir, err := binaries.Ensure(ctx, os.Stderr, "helm")
	if err != nil {
		return err
	}
	chart := filepath.Join(c.root, "charts", "sluice")
	helm := exec.CommandContext(ctx, filepath.Join(dir, "helm"), "upgrade", "--install", "sluice", chart, "--kubeconfig", c.kubeconfig,
		"--namespace", releaseNamespace, "--create-namespace", "--take-ownership", "--force-conflicts", "--set", "prometheusUrl="+prometheusURL,
		"--set-string", "podAnnotations.sluice-built="+time.Now().UTC().Format(time.RFC3339), "--set", lease(runtime.NumCPU()))
	if err := c.step("installing the chart", func() error {
		if out, err := helm.CombinedOutput(); err != nil {
			return fmt.Errorf("helm upgrade: %w\n%s", err, out)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := c.step("waiting for Sluice", func() error {
		return c.kubectl(ctx, "", "rollout", "status", "deployment/sluice", "-n", releaseNamespace, "--timeout="+startLimit.String())
	}); err != nil {
		return fmt.Errorf("%w\nsee: kubectl logs -n %s deployment/sluice", err, releaseNamespace)
	}
	c.say("Sluice is installed in namespace " + releaseNamespace)
	return nil
}
