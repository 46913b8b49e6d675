package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sluice.dev/sluice/e2e/binaries"
	"sluice.dev/sluice/e2e/cluster/manifests"
)

// certManager installs cert-manager into the running cluster and waits until its controllers work.
func certManager(ctx context.Context, c *cluster) error {
	const program = "cert-manager"
	dir, err := binaries.EnsureFor(ctx, c.architecture, os.Stderr, program)
	if err != nil {
		return err
	}
	if err := c.loadAddon(ctx, dir, program); err != nil {
		return err
	}
	if err := c.step("starting cert-manager", func() error { return c.applyCertManager(ctx) }); err != nil {
		return err
	}
	c.say("cert-manager is installed in namespace cert-manager")
	return nil
}

func (c *cluster) applyCertManager(ctx context.Context) error {
	crds, err := certManagerCRDs(ctx, c.root)
	if err != nil {
		return err
	}
	if err := c.kubectl(ctx, "", "apply", "--server-side", "--force-conflicts", "-f", crds); err != nil {
		return err
	}
	if err := c.kubectl(ctx, "", "wait", "--timeout="+startLimit.String(), "-f", crds, "--for=condition=Established"); err != nil {
		return err
	}
	if err := c.kubectl(ctx, manifests.CertManager, "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		return err
	}
	if err := c.kubectl(ctx, "", "rollout", "status", "deployment/cert-manager", "-n", "cert-manager", "--timeout="+startLimit.String()); err != nil {
		return fmt.Errorf("%w\nsee: kubectl logs -n cert-manager deployment/cert-manager", err)
	}
	return nil
}

// certManagerCRDs returns the folder of the CRDs, in the module that the controllers are built from.
func certManagerCRDs(ctx context.Context, root string) (string, error) {
	list := binaries.Go(ctx, "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager")
	list.Dir = filepath.Join(root, "e2e", "cluster", "certmanager")
	list.Env = append(list.Env, "GOFLAGS=", "GOWORK=off")
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("find the module of cert-manager: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "deploy", "crds"), nil
}
