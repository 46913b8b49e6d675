package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"sluice.dev/sluice/e2e/binaries"
	"sluice.dev/sluice/e2e/binaries/progress"
	"sluice.dev/sluice/e2e/cluster/image"
	"sluice.dev/sluice/e2e/cluster/kindcluster"
	"sluice.dev/sluice/e2e/cluster/local"
)

// nodeArchitecture returns the architecture of the nodes. With kind, it can differ from that of this machine.
func nodeArchitecture(ctx context.Context, provider string) string {
	if provider != providerLocal {
		if architecture := kindcluster.Architecture(ctx); architecture != "" {
			return architecture
		}
	}
	return runtime.GOARCH
}

// loadAddon packs a program of the cache into an image, once, and loads it.
func (c *cluster) loadAddon(ctx context.Context, dir, name string) error {
	archive := filepath.Join(dir, name+".tar")
	if _, err := os.Stat(archive); err != nil {
		if err := image.Write(archive, "sluice.dev/"+name+":dev", c.architecture, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return c.load(ctx, archive)
}

func (c *cluster) load(ctx context.Context, archive string) error {
	dir, err := c.programs(ctx)
	if err != nil {
		return err
	}
	return c.step("loading "+filepath.Base(archive), func() error {
		if c.provider == providerKind {
			return kindcluster.Run(ctx, dir, kindcluster.LoadArgs(archive))
		}
		return local.LoadImage(ctx, dir, archive)
	})
}

// buildImage builds a package in a folder as a static program for the nodes, and packs it.
func buildImage(ctx context.Context, architecture, reference, archive, pkg string) error {
	if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
		return fmt.Errorf("make %s: %w", filepath.Dir(archive), err)
	}
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return fmt.Errorf("make a folder to build in: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, filepath.Base(pkg))
	build := binaries.Go(ctx, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, ".")
	// The folder can be in another module than the working directory.
	build.Dir = pkg
	build.Env = append(build.Env, "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture)
	build.Stderr = os.Stderr
	say := func(line string) { fmt.Fprintln(os.Stderr, line) }
	if err := progress.While(say, func() string { return "building " + reference }, build.Run); err != nil {
		return fmt.Errorf("build %s: %w", pkg, err)
	}
	return image.Write(archive, reference, architecture, program)
}
