package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	errAway  = errors.New("connection refused")
	errWrong = errors.New("the cluster does not serve HTTPRoute")
)

// clusterWith answers as these functions of the time since the start.
func clusterWith(wrong, away func(time.Duration) bool) (p *prerequisites, looks *int) {
	start, looks := time.Now(), new(int)
	return &prerequisites{first: firstLook, longest: longestLook, patience: publishing, look: func() (error, error) {
		*looks++
		switch since := time.Since(start); {
		case away(since):
			return nil, errAway
		case wrong(since):
			return errWrong, nil
		}
		return nil, nil
	}}, looks
}

func never(time.Duration) bool  { return false }
func always(time.Duration) bool { return true }
func until(end time.Duration) func(time.Duration) bool {
	return func(since time.Duration) bool { return since < end }
}

func TestAnAPIServerThatIsAwayIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, looks := clusterWith(never, until(time.Hour))
		start := time.Now()
		if err := p.await(t.Context()); err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); waited < time.Hour || waited > time.Hour+longestLook {
			t.Errorf("waited for %s", waited)
		}
		if most := int(time.Hour/longestLook) + 10; *looks > most {
			t.Errorf("asked %d times", *looks)
		}
	})
}

func TestWhatStaysWrongWithTheClusterIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		wrong, away func(time.Duration) bool
		want        error
		least, most time.Duration
	}{
		"for good":                              {always, never, errWrong, publishing, publishing + time.Minute},
		"for good, after the server was away":   {always, until(time.Minute), errWrong, time.Minute + publishing, 2 * time.Minute},
		"until the server has published it":     {until(publishing / 2), never, nil, publishing / 2, publishing},
		"until then, after the server was away": {until(65 * time.Second), until(time.Minute), nil, 65 * time.Second, 80 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := clusterWith(c.wrong, c.away)
				start := time.Now()
				if err := p.await(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if took := time.Since(start); took < c.least || took > c.most {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

func TestReadinessSaysWhatIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := clusterWith(never, until(time.Minute))
		ended := make(chan error, 1)
		go func() { ended <- p.await(t.Context()) }()
		synctest.Wait()
		if err := p.ready.check(nil); !errors.Is(err, errAway) {
			t.Errorf("while the API server is away: %v", err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAProcessThatWaitsEndsWhenItIsToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := clusterWith(never, always)
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		start := time.Now()
		if err := p.await(ctx); err != nil || time.Since(start) > time.Minute {
			t.Errorf("ended after %s with %v", time.Since(start), err)
		}
	})
}

func TestMetricsCanBeRegisteredAgainOnceTheyAreGivenBack(t *testing.T) {
	registry := prometheus.NewRegistry()
	for range 2 {
		lent := &lentMetrics{Registerer: registry}
		lent.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "canaries"}))
		if found, err := registry.Gather(); err != nil || len(found) != 1 {
			t.Errorf("%v, %v", found, err)
		}
		lent.giveBack()
	}
	if found, err := registry.Gather(); err != nil || len(found) != 0 {
		t.Errorf("left: %v, %v", found, err)
	}
}
