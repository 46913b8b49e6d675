package pressure

import (
	"context"
	"fmt"
	"os"
	"strings"
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

// Watch takes samples until the context ends. It fails if the system does not measure pressure.
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
				// A missing sample only makes a share less precise.
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

// Between is like History.Between. A nil Gauge knows nothing.
func (g *Gauge) Between(from, to time.Time) (share float64, known bool) {
	if g == nil {
		return 0, false
	}
	_ = g.sample()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.history.Between(from, to)
}

// Tell returns the same in words.
func (g *Gauge) Tell(from, to time.Time) string {
	share, known := g.Between(from, to)
	if !known {
		return "not known"
	}
	return fmt.Sprintf("tasks waited for a CPU %.0f%% of %.0fs", 100*share, to.Sub(from).Seconds())
}

// Load is how many tasks ran or waited in the last minute, on average. Empty if the system does not say. It distinguishes a
// slightly overloaded machine from a heavily overloaded one, because tasks wait the same share of the time on both.
func Load() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	load, _, _ := strings.Cut(string(content), " ")
	return load
}
