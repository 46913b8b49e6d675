package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"sluice.dev/sluice/e2e/cluster/image"
)

const controller = "sluice"

// platform is an operating system and an architecture that a program is built for.
type platform struct{ system, architecture string }

// architectures are those of cluster nodes.
var architectures = []string{"amd64", "arm64"}

// systems are the operating systems for each folder of cmd: the controller runs in clusters, the plugin on workstations.
var systems = map[string][]string{
	controller:       {"linux"},
	"kubectl-sluice": {"linux", "darwin", "windows"},
}

// programs builds the static programs.
func (r *release) programs(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(systems)) {
		for _, system := range systems[name] {
			for _, architecture := range architectures {
				if err := r.build(ctx, name, platform{system, architecture}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *release) build(ctx context.Context, name string, p platform) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -X main.version=v"+r.version.String(), "-o", r.program(name, p), "./cmd/"+name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.system, "GOARCH="+p.architecture)
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build %s for %s/%s: %w", name, p.system, p.architecture, err)
	}
	return nil
}

func (r *release) program(name string, p platform) string {
	path := r.name("%s_%s_%s", name, p.system, p.architecture)
	if p.system == "windows" {
		path += ".exe"
	}
	return path
}

// images packs the controller. A registry makes one multi-architecture image from the archives.
func (r *release) images(context.Context) error {
	for _, architecture := range architectures {
		dir, err := os.MkdirTemp("", "release")
		if err != nil {
			return fmt.Errorf("make a folder for the image: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		// In the image, the program is named after its file.
		program, err := filepath.Abs(r.program(controller, platform{"linux", architecture}))
		if err != nil {
			return fmt.Errorf("find the program of the image: %w", err)
		}
		link := filepath.Join(dir, controller)
		if err := os.Symlink(program, link); err != nil {
			return fmt.Errorf("name the program of the image: %w", err)
		}
		archive := r.name("%s_image_linux_%s.tar", controller, architecture)
		if err := image.Write(archive, "sluice.dev/sluice:v"+r.version.String(), architecture, link); err != nil {
			return err
		}
	}
	return nil
}
