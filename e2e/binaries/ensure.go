package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Ensure builds those of the named programs that the cache lacks, and returns a folder that contains all of them by name. A
// build from scratch takes minutes, so Ensure writes its progress to out at least every half minute. Several processes may call
// it at once.
func Ensure(ctx context.Context, out io.Writer, names ...string) (string, error) {
	return EnsureFor(ctx, runtime.GOARCH, out, names...)
}

// EnsureFor is Ensure for a cluster whose nodes have this architecture: programs that run in containers are built for them.
func EnsureFor(ctx context.Context, node string, out io.Writer, names ...string) (string, error) {
	say := func(line string) { _, _ = fmt.Fprintln(out, line) }
	root, err := Root(ctx)
	if err != nil {
		return "", err
	}
	wanted, dir, err := inCache(root, node, names)
	if err != nil {
		return "", err
	}
	if len(missing(wanted)) > 0 {
		if err := buildMissing(ctx, say, root, wanted); err != nil {
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

// build is a component and the key that stands for its inputs.
type build struct {
	component
	key string
}

// inCache returns the named programs and the cache folder that contains exactly these.
func inCache(root, node string, names []string) ([]build, string, error) {
	var wanted []build
	set := sha256.New()
	for _, name := range names {
		c, err := find(name)
		if err != nil {
			return nil, "", err
		}
		c.node = node
		key, err := c.key(root)
		if err != nil {
			return nil, "", err
		}
		wanted = append(wanted, build{c, key})
		_, _ = fmt.Fprintln(set, c.name, key)
	}
	return wanted, filepath.Join(CacheDir(), "sets", hex.EncodeToString(set.Sum(nil))[:16]), nil
}

func missing(wanted []build) []build {
	return slices.DeleteFunc(slices.Clone(wanted), func(b build) bool { return exists(b.stored(b.key)) })
}

// buildMissing builds what no other process has built in the meantime.
func buildMissing(ctx context.Context, say func(string), root string, wanted []build) error {
	lock, err := lock(ctx, say, filepath.Join(CacheDir(), "build.lock"))
	if err != nil {
		return err
	}
	defer lock.unlock()
	tell := func(line string) {
		lock.note(line)
		say(line)
	}
	left, began := missing(wanted), time.Now()
	for i, b := range left {
		title := fmt.Sprintf("%s, %d of %d", b.name, i+1, len(left))
		tell(fmt.Sprintf("building %s (%s so far)", title, time.Since(began).Round(time.Second)))
		if err := b.build(ctx, tell, title, root, b.stored(b.key)); err != nil {
			return err
		}
	}
	return nil
}

// Root returns the folder of the module sluice.dev/sluice that contains the working directory.
func Root(ctx context.Context) (string, error) {
	out, err := Go(ctx, "list", "-m", "-f", "{{.Dir}}", "sluice.dev/sluice").Output()
	if err != nil {
		return "", fmt.Errorf("find the checkout of Sluice (run this inside of it): %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// GatewayCRDs returns the folder with the standard channel CRDs of the Gateway API, in the module version that Sluice is built
// with.
func GatewayCRDs(ctx context.Context) (string, error) {
	out, err := Go(ctx, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		return "", fmt.Errorf("find the module of the Gateway API: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "config", "crd", "standard"), nil
}

// CacheDir returns the folder for everything that takes long to build: $XDG_CACHE_HOME/sluice, by default ~/.cache/sluice.
func CacheDir() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = filepath.Join(os.TempDir(), "cache")
	}
	return filepath.Join(base, "sluice")
}

// key changes with every input of the program: compiler, flags, versions and Sluice's own sources.
func (c component) key(root string) (string, error) {
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, runtime.Version(), strings.TrimPrefix(c.platform(), "linux/"), c.pkg, c.arguments())
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

// sources returns the files of this repository that a component is built from, in a fixed order.
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
	if err := os.Link(target, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("put %s together: %w", filepath.Dir(path), err)
	}
	return nil
}
