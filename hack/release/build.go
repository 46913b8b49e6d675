package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"sluice.dev/sluice/e2e/cluster/image"
)

const controller = "sluice"

// programs are the folders of cmd that are released; one that is not there is left out.
var programs = []string{controller, "kubectl-sluice"}

var architectures = []string{"amd64", "arm64"}

// programs builds static programs for Linux.
func (r *release) programs(ctx context.Context) error {
	for _, program := range programs {
		pkg := "./cmd/" + program
		if _, err := os.Stat(pkg); errors.Is(err, os.ErrNotExist) {
			continue
		}
		for _, architecture := range architectures {
			build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
				"-ldflags=-s -w -X main.version=v"+r.version.String(), "-o", r.program(program, architecture), pkg)
			build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture)
			build.Stderr = os.Stderr
			if err := build.Run(); err != nil {
				return fmt.Errorf("build %s for %s: %w", pkg, architecture, err)
			}
		}
	}
	return nil
}

func (r *release) program(name, architecture string) string {
	return r.name("%s_linux_%s", name, architecture)
}

// images packs the controller; a registry makes one image of all architectures out of the archives.
func (r *release) images(context.Context) error {
	for _, architecture := range architectures {
		dir, err := os.MkdirTemp("", "release")
		if err != nil {
			return fmt.Errorf("make a folder for the image: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		// The program's name in the image is that of its file.
		program, err := filepath.Abs(r.program(controller, architecture))
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
