package binaries

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"sluice.dev/sluice/e2e/binaries/progress"
)

// build builds a component into a file and reports progress under the title.
func (c component) build(ctx context.Context, say func(string), title, root, output string) error {
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	partial, log := output+".partial", &buildLog{pkg: c.pkg}
	command := c.goCommand(ctx, root, append(c.arguments(), "-v", "-o", partial, c.pkg)...)
	command.Stdout, command.Stderr = log, log
	counting, stop := context.WithCancel(ctx)
	defer stop()
	go func() { log.expect(c.packages(counting, root)) }()
	if err := progress.While(say, func() string { return "building " + title + ": " + log.state() }, command.Run); err != nil {
		return fmt.Errorf("build %s: %w\n%s", c.name, err, log.messages())
	}
	if err := os.Rename(partial, output); err != nil {
		return fmt.Errorf("keep %s in the cache: %w", c.name, err)
	}
	return nil
}

// packages returns how many packages the component consists of, or 0 if that is unknown.
func (c component) packages(ctx context.Context, root string) int {
	out, err := c.goCommand(ctx, root, "list", "-deps", "-tags="+c.tags, c.pkg).Output()
	if err != nil {
		return 0
	}
	return bytes.Count(out, []byte("\n"))
}

func (c component) goCommand(ctx context.Context, root string, args ...string) *exec.Cmd {
	command := Go(ctx, args...)
	command.Dir = c.dir(root)
	system, architecture, _ := strings.Cut(c.platform(), "/")
	command.Env = append(command.Env, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+system, "GOARCH="+architecture)
	return command
}

// buildLog reads the output of go build -v: packages being compiled, modules being downloaded, and errors.
type buildLog struct {
	// pkg is compiled last.
	pkg string

	mu                        sync.Mutex
	line                      []byte
	all, compiled, downloaded int
	linking                   bool
	wrong                     strings.Builder
}

// expect sets the number of packages. Packages in Go's cache are not compiled again.
func (l *buildLog) expect(packages int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = packages
}

func (l *buildLog) Write(content []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line = append(l.line, content...)
	for {
		line, rest, whole := bytes.Cut(l.line, []byte("\n"))
		if !whole {
			return len(content), nil
		}
		l.take(string(line))
		l.line = rest
	}
}

// take sorts a line. An import path has no spaces or colons.
func (l *buildLog) take(line string) {
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		l.downloaded++
	case line == "" || strings.ContainsAny(line, " \t:"):
		l.wrong.WriteString(line + "\n")
	default:
		l.compiled++
		l.linking = line == l.pkg
	}
}

// state returns the progress of the build.
func (l *buildLog) state() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.compiled == 0 && l.downloaded > 0:
		return fmt.Sprintf("%d modules downloaded", l.downloaded)
	case l.linking:
		return fmt.Sprintf("%d packages compiled, linking", l.compiled)
	case l.all > 0:
		return fmt.Sprintf("%d of at most %d packages compiled", l.compiled, l.all)
	default:
		return fmt.Sprintf("%d packages compiled", l.compiled)
	}
}

// messages returns the lines that are errors.
func (l *buildLog) messages() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wrong.String() + string(l.line)
}
