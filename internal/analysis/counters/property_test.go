package counters

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// newWorld has scrapes of any interval from 1 s to 2 min, and either pods or gateways that count, which have served for a while.
func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 13)), truth: map[string]float64{}}
	w.interval = math.Exp(w.random.Float64() * math.Log(120))
	w.gateways = w.random.IntN(2) == 0
	w.now = -10 * w.interval
	first := Primary
	if w.gateways {
		first = Both
	}
	for range 1 + w.random.IntN(3) {
		w.add(first)
	}
	return w
}

// run lets time pass until a moment, in steps of a twentieth of a scrape interval. Each step scrapes what is due.
func (w *world) run(until float64, each func()) {
	step := w.interval / 20
	for ; w.now < until; w.now += step {
		each()
		for _, e := range w.exporters {
			if math.Floor((w.now-e.phase)/w.interval) != math.Floor((w.now-step-e.phase)/w.interval) {
				w.scrape(e)
			}
		}
	}
}

// serves answers some requests.
func (w *world) serves() {
	for range w.random.IntN(4) {
		w.serve()
	}
}

// settled scrapes everything once more, without a miss, and polls.
func (w *world) settled() Result {
	w.now += w.interval / 20
	for _, e := range w.exporters {
		e.missed = 0
		w.scrape(e)
	}
	return w.poll()
}

// begun is a world whose rollout begins when all has been scraped, with a poll that sees all of that. If pods count, one is the
// canary's.
func begun(t *testing.T, seed uint64) *world {
	w := newWorld(t, seed)
	w.run(-2*w.interval, w.serves)
	if !w.gateways {
		w.add(Canary)
		w.exporters[len(w.exporters)-1].created = 0
	}
	for _, e := range w.exporters {
		e.missed = 0
	}
	w.run(0, func() {})
	for _, e := range w.exporters {
		e.missed = max(0, w.random.Float64()*0.6-0.3)
	}
	w.pollBack(5 * time.Minute)
	w.now += w.interval / 20
	return w
}

// TestWhatIsCountedIsWhatWasServed has no resets. Then all requests since the first sample are counted, once each, whatever the
// interval, the phases, the misses, the times of polls, restarts of the controller, and new pods.
func TestWhatIsCountedIsWhatWasServed(t *testing.T) {
	for seed := range uint64(100) {
		w := begun(t, seed)
		pollEvery, away := 0.3+2*w.random.Float64(), 0
		w.run(60*w.interval, func() {
			w.serves()
			switch {
			case away > 0:
				away--
			case w.random.IntN(400) == 0:
				away = w.random.IntN(900)
			case w.random.Float64() < 0.05/pollEvery:
				w.poll()
			}
			if !w.gateways && w.random.IntN(300) == 0 {
				w.add(Arm(1 + w.random.IntN(2)))
			}
		})
		w.settled()
		w.is(seed, func(counted, truth float64) bool { return counted == truth })
	}
}

// TestAllThatScrapesShowIsCounted has resets and pods that go, and polls that are never far apart. Then as much is counted as somebody can who has all samples at once.
func TestAllThatScrapesShowIsCounted(t *testing.T) {
	for seed := range uint64(100) {
		w, steps := begun(t, seed), 0
		w.run(60*w.interval, func() {
			w.serves()
			if steps++; steps%60 == 0 || w.random.IntN(30) == 0 {
				w.poll()
			}
			switch e := w.exporters[w.random.IntN(len(w.exporters))]; w.random.IntN(300) {
			case 0:
				clear(e.values)
			case 1:
				e.gone = e.created > 0
			case 2:
				if !w.gateways {
					w.add(e.arm)
				}
			}
		})
		w.settled()
		for version, counted := range map[Arm]Increments{Canary: w.canary, Primary: w.primary} {
			errors := w.shown(version, "5")
			if requests := w.shown(version, "2") + errors; counted.Requests != requests || counted.Errors != errors {
				t.Fatalf("seed %d, version %d: counted %v, want %v requests with %v errors", seed, version, counted.Counts, requests, errors)
			}
		}
	}
}

// shown is by how much the series of a class grew in all samples since the rollout began.
func (w *world) shown(version Arm, class string) (total float64) {
	for _, e := range w.exporters {
		last := 0.0
		for _, sample := range e.scraped[serie(version, class)] {
			switch {
			case sample.At <= at(0):
			case sample.Value < last:
				total += sample.Value
			default:
				total += sample.Value - last
			}
			last = sample.Value
		}
	}
	return total
}

// TestNothingIsCountedTwice has all that can happen: resets, pods that go, a metrics server that loses its samples. Then no more
// is counted than was served.
func TestNothingIsCountedTwice(t *testing.T) {
	counted, truth := 0.0, 0.0
	for seed := range uint64(100) {
		w := begun(t, seed)
		pollEvery := 0.3 + 4*w.random.Float64()
		w.run(60*w.interval, func() {
			w.serves()
			if w.random.Float64() < 0.05/pollEvery {
				w.poll()
			}
			switch e := w.exporters[w.random.IntN(len(w.exporters))]; w.random.IntN(600) {
			case 0, 1:
				clear(e.values)
			case 2:
				e.gone = e.created > 0
			case 3:
				w.add(e.arm)
			case 4:
				for _, e := range w.exporters {
					clear(e.scraped)
				}
			}
		})
		w.settled()
		w.is(seed, func(counted, truth float64) bool { return counted <= truth })
		counted += w.canary.Requests + w.primary.Requests
		truth += w.truth[serie(Canary, "2")] + w.truth[serie(Canary, "5")] + w.truth[serie(Primary, "2")] + w.truth[serie(Primary, "5")]
	}
	if t.Logf("%.1f%% of the requests were counted", 100*counted/truth); counted < 0.75*truth {
		t.Errorf("only %v of %v requests were counted", counted, truth)
	}
}

// is compares all that was counted with the truth.
func (w *world) is(seed uint64, right func(counted, truth float64) bool) {
	w.t.Helper()
	for version, counted := range map[Arm]Increments{Canary: w.canary, Primary: w.primary} {
		var slower, timed float64
		for _, b := range counted.Bounds {
			slower, timed = b.Slower, b.Timed
		}
		errors, good, slow := w.truth[serie(version, "5")], w.truth[serie(version, "2")], w.truth[serie(version, "slow")]
		if !right(counted.Requests, errors+good) || !right(counted.Errors, errors) || !right(slower, slow) || !right(timed, errors+good) {
			w.t.Fatalf("seed %d, version %d: counted %v, want %v requests with %v errors, %v slow", seed, version, counted.Counts, errors+good, errors, slow)
		}
	}
}
