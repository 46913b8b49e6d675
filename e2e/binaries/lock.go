package binaries

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice.dev/sluice/e2e/binaries/progress"
)

// errTaken means that another process holds the lock.
var errTaken = errors.New("another process has the lock")

// attempts is the time between two attempts to get a lock.
const attempts = 100 * time.Millisecond

// buildLock keeps other processes from building the same thing at the same time. Its file tells them what is being built.
type buildLock struct {
	file *os.File
}

// lock waits until no other process builds, and reports what the other process is building.
func lock(ctx context.Context, say func(string), path string) (*buildLock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	other := func() string {
		content, _ := os.ReadFile(path)
		return strings.TrimSpace("waiting for another process that builds programs of the cluster: " + string(content))
	}
	err = progress.While(say, other, func() error {
		for {
			err := tryLock(file)
			if !errors.Is(err, errTaken) {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(attempts):
			}
		}
	})
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &buildLock{file}, nil
}

// note writes down what this process builds, for those that wait. It ignores errors: a full disk must not stop the build.
func (l *buildLock) note(line string) {
	_ = l.file.Truncate(0)
	_, _ = l.file.WriteAt([]byte(line), 0)
}

func (l *buildLock) unlock() {
	l.note("")
	_ = l.file.Close()
}
