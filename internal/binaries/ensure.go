package binaries

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Ensure builds the named programs where the cache lacks them, and returns a folder that contains them by their names.
// It tells on progress what it builds, since a cold build takes minutes. Several processes may call it at once.
func Ensure(ctx context.Context, progress io.Writer, names ...string) (string, error) {
	root, err := Root(ctx)
	if err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(CacheDir(), "build.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	type build struct {
		component
		key string
	}
	var wanted []build
	set := sha256.New()
	for _, name := range names {
		c, err := find(name)
		if err != nil {
			return "", err
		}
		key, err := c.key(root)
		if err != nil {
			return "", err
		}
		wanted = append(wanted, build{c, key})
		_, _ = fmt.Fprintln(set, c.name, key)
	}
	dir := filepath.Join(CacheDir(), "sets", hex.EncodeToString(set.Sum(nil))[:16])
	missing := slices.DeleteFunc(slices.Clone(wanted), func(b build) bool { return exists(b.stored(b.key)) })
	started := time.Now()
	for i, b := range missing {
		_, _ = fmt.Fprintf(progress, "building %s (%d of %d, %s so far)\n", b.name, i+1, len(missing), time.Since(started).Round(time.Second))
		if err := b.build(ctx, root, b.stored(b.key)); err != nil {
			return "", err
		}
	}
	for _, b := range wanted {
		if err := link(b.stored(b.key), filepath.Join(dir, b.name)); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// Root is the folder of the module sluice.dev/sluice that the working directory is in.
func Root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "sluice.dev/sluice").Output()
	if err != nil {
		return "", fmt.Errorf("find the checkout of sluice (run this inside of it): %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// CacheDir is where everything is kept that takes long to build: $XDG_CACHE_HOME/sluice, by default ~/.cache/sluice.
func CacheDir() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = filepath.Join(os.TempDir(), "cache")
	}
	return filepath.Join(base, "sluice")
}

// key changes with everything that the program is made from: compiler, flags, versions and our own sources.
func (c component) key(root string) (string, error) {
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, runtime.Version(), runtime.GOARCH, c.pkg, c.arguments())
	files, err := c.sources(root)
	if err != nil {
		return "", fmt.Errorf("list sources of %s: %w", c.name, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read sources of %s: %w", c.name, err)
		}
		name, err := filepath.Rel(c.dir(root), file)
		if err != nil {
			return "", fmt.Errorf("name sources of %s: %w", c.name, err)
		}
		_, _ = fmt.Fprintln(sum, name, len(content))
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// sources are the files that we keep for the component, in a fixed order.
func (c component) sources(root string) ([]string, error) {
	if c.module == "" {
		return filepath.Glob(filepath.Join(c.dir(root), c.pkg, "*.go"))
	}
	var files []string
	err := filepath.WalkDir(c.dir(root), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

func (c component) dir(root string) string {
	return filepath.Join(root, "e2e", "cluster", c.module)
}

func (c component) stored(key string) string {
	return filepath.Join(CacheDir(), "bin", c.name+"-"+key)
}

func (c component) build(ctx context.Context, root, output string) error {
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	partial := output + ".partial"
	command := exec.CommandContext(ctx, "go", append(c.arguments(), "-o", partial, c.pkg)...)
	command.Dir = c.dir(root)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	var messages bytes.Buffer
	command.Stdout, command.Stderr = &messages, &messages
	if err := command.Run(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", c.name, err, messages.String())
	}
	if err := os.Rename(partial, output); err != nil {
		return fmt.Errorf("keep %s in the cache: %w", c.name, err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func link(target, path string) error {
	if exists(path) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	if err := os.Link(target, path); err != nil {
		return fmt.Errorf("put %s together: %w", filepath.Dir(path), err)
	}
	return nil
}

// lock keeps other processes from building the same at the same time.
func lock(path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { _ = file.Close() }, nil
}
