package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"sluice.dev/sluice/internal/binaries"
)

const (
	releaseNamespace = "sluice-system"
	prometheusURL    = "http://prometheus.monitoring:9090"
)

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
		"--set-string", "podAnnotations.sluice-built="+time.Now().UTC().Format(time.RFC3339))
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
