package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"sluice.dev/sluice/e2e/binaries"
)

// kedaCRDs installs the CRD of KEDA's ScaledObjects into the running cluster. Nothing acts on them.
func kedaCRDs(ctx context.Context, c *cluster) error {
	c.say("applying the CRD of ScaledObjects")
	dir, err := kedaModule(ctx, c.root)
	if err != nil {
		return err
	}
	crd := filepath.Join(dir, "config", "crd", "bases", "keda.sh_scaledobjects.yaml")
	if err := c.kubectl(ctx, "", "apply", "--server-side", "--force-conflicts", "-f", crd); err != nil {
		return err
	}
	return c.kubectl(ctx, "", "wait", "--timeout="+startLimit.String(), "-f", crd, "--for=condition=Established")
}

// kedaModule returns the folder of KEDA's module, and downloads it if it is missing.
func kedaModule(ctx context.Context, root string) (string, error) {
	download := binaries.Go(ctx, "mod", "download", "-json", "github.com/kedacore/keda/v2")
	download.Dir = filepath.Join(root, "e2e", "cluster", "keda")
	download.Env = append(download.Env, "GOFLAGS=", "GOWORK=off")
	out, err := download.Output()
	if err != nil {
		return "", fmt.Errorf("download the module of KEDA: %w", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", fmt.Errorf("find the module of KEDA: %w", err)
	}
	return module.Dir, nil
}
