package pressure

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// period is the time between two samples.
const period = time.Second

// Gauge takes a sample every second.
type Gauge struct {
	mu      sync.Mutex
	history History
}

// Watch takes samples until the context ends. It fails where the system does not count pressure.
func Watch(ctx context.Context) (*Gauge, error) {
	g := &Gauge{}
	if err := g.sample(); err != nil {
		return nil, err
	}
	go func() {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				// A sample that is missing only makes a share coarser.
				_ = g.sample()
			}
		}
	}()
	return g, nil
}

func (g *Gauge) sample() error {
	content, err := os.ReadFile(File)
	if err != nil {
		return fmt.Errorf("read the pressure on CPUs: %w", err)
	}
	sample, err := Parse(string(content), time.Now())
	if err != nil {
		return fmt.Errorf("read the pressure on CPUs from %s: %w", File, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.history = append(g.history, sample)
	return nil
}

// Between is as of History. A Gauge that is nil knows nothing.
func (g *Gauge) Between(from, to time.Time) (share float64, known bool) {
	if g == nil {
		return 0, false
	}
	_ = g.sample()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.history.Between(from, to)
}

// Tell says the same in words.
func (g *Gauge) Tell(from, to time.Time) string {
	share, known := g.Between(from, to)
	if !known {
		return "not known"
	}
	return fmt.Sprintf("tasks waited for a CPU %.0f%% of %.0fs", 100*share, to.Sub(from).Seconds())
}
