package counters

import (
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider/prometheus"
)

// shop is a rollout whose pods are scraped, and what was counted of it so far.
type shop struct {
	*testing.T
	*WithT
	*metrics
	*ledger
	raw      analysis.Raw
	provider *prometheus.Provider
	began    time.Time
	// state is the text of the state, as in the status, so that each poll is the first of a controller.
	state           string
	polls           int
	canary, primary served
}

func newShop(t *testing.T) *shop { return newShopOf(t, ofPrometheus) }

func newShopOf(t *testing.T, server server) *shop {
	t.Helper()
	s := &shop{T: t, WithT: NewWithT(t), metrics: newMetrics(t, server), ledger: &ledger{}}
	var known bool
	s.raw, known = analysis.RawFor(config.PresetApp, analysis.Target{Namespace: "shop", Workload: "podinfo-canary", Primary: "podinfo"})
	if !known {
		t.Fatal("the preset is unknown")
	}
	var err error
	if s.provider, err = prometheus.New("http://"+s.address, outbound.Rules{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// poll polls once and adds what has happened. It is false if Prometheus does not answer.
func (s *shop) poll() (counters.Result, bool) {
	s.Helper()
	var state counters.State
	if s.state != "" {
		var err error
		if state, err = counters.Parse(s.state); err != nil {
			s.Fatal(err)
		}
	}
	created := map[string]time.Time{}
	for _, p := range s.pods {
		created[p.name] = p.created.Truncate(time.Second)
	}
	answer, err := s.provider.Raw(s.Context(), s.raw.Query(state.Back(time.Now())))
	if err != nil {
		return counters.Result{}, false
	}
	state, result := counters.Advance(state, counters.Poll{Now: time.Now(), Began: s.began, Created: created, Series: counters.Read(s.raw, answer)})
	s.state = state.Text()
	if len(result.Problems) > 0 {
		s.Errorf("problems: %q", result.Problems)
	}
	s.canary.add(result.Canary)
	s.primary.add(result.Primary)
	if result.Counted {
		s.polls++
	}
	canary, primary := s.read()
	if s.canary.exceeds(canary) || s.primary.exceeds(primary) {
		s.Fatalf("more was counted than answered: %+v of %+v, %+v of %+v", s.canary, canary, s.primary, primary)
	}
	return result, true
}

func (s *served) add(i counters.Increments) {
	s.requests += i.Requests
	s.errors += i.Errors
	for _, b := range i.Bounds {
		if b.Millis == slow*1000 {
			s.slower += b.Slower
		}
	}
}

func (s served) exceeds(truth served) bool {
	return s.requests > truth.requests || s.errors > truth.errors || s.slower > truth.slower
}

// counts polls until all that was answered is counted, and a little longer, because nothing may be counted later.
func (s *shop) counts(what string) {
	s.Helper()
	canary, primary := s.read()
	counted := func() [2]served { s.poll(); return [2]served{s.canary, s.primary} }
	s.Eventually(counted, patience, glance).Should(Equal([2]served{canary, primary}), what)
	last := s.polls + 2
	s.Eventually(func() int { s.poll(); return s.polls }, patience, glance).Should(BeNumerically(">=", last), what)
	s.Expect([]served{s.canary, s.primary}).To(Equal([]served{canary, primary}), what)
	s.Logf("%s: %+v and %+v after %d polls", what, s.canary, s.primary, s.polls)
}

// polled polls until something is seen.
func (s *shop) polled(what string, seen func(counters.Result) bool) {
	s.Helper()
	s.Eventually(func() bool { result, answered := s.poll(); return answered && seen(result) }, patience, glance).Should(BeTrue(), "never seen: "+what)
}

func TestWhatIsCountedIsWhatWasAnswered(t *testing.T) {
	s := newShop(t)
	a, b := newPod(t, "podinfo-7d9c5b-aaaaa", false), newPod(t, "podinfo-7d9c5b-bbbbb", true)
	a.answer("200", 0.2, 1000)
	b.answer("500", 3, 500)
	s.pods = []*pod{a, b}
	s.start()
	s.began = time.Now()
	s.polled("both pods of the primary", func(counters.Result) bool { return len(s.last()) == 2 })
	s.polled("their next scrape", func(r counters.Result) bool { return r.Interval > 0 })

	canary := newPod(t, "podinfo-canary-6f8b7c-ccccc", false)
	s.serve(canary, 3, 2)
	s.scrape(canary)
	s.polled("the canary", func(r counters.Result) bool { return !r.Canary.Newest.IsZero() })
	s.serve(a, 10, 1)
	s.serve(b, 10, 1)
	s.counts("the first errors of a new pod count")

	s.serve(canary, 7, 0)
	s.counts("a primary that answers nothing was scraped all the same")

	s.stop(syscall.SIGTERM)
	s.serve(canary, 20, 5)
	s.serve(a, 200, 3)
	s.start()
	s.serve(b, 100, 2)
	s.counts("a restart of Prometheus loses nothing")

	s.stop(syscall.SIGKILL)
	s.serve(canary, 10, 1)
	s.serve(b, 30, 2)
	s.start()
	s.counts("nor does its end without a word")

	s.stop(syscall.SIGTERM)
	s.forget()
	s.serve(canary, 10, 1)
	s.serve(a, 30, 2)
	s.start()
	s.counts("nor the loss of all its data, because the state has the last samples")

	canary.start()
	b.start()
	s.serve(canary, 4, 1)
	s.serve(b, 20, 2)
	s.counts("pods that were restarted begin at zero")

	canary.down.Store(true)
	s.serve(canary, 10, 3)
	s.serve(a, 50, 2)
	before := s.polls
	s.polled("a failed scrape", func(counters.Result) bool { return s.last()[canary.name] == 0 })
	s.serve(canary, 5, 1)
	canary.down.Store(false)
	s.counts("a gap in the scrapes of one pod is counted when it is over")
	if s.polls == before {
		t.Error("no poll counted after the gap")
	}

	second, third := newPod(t, "podinfo-canary-6f8b7c-ddddd", true), newPod(t, "podinfo-7d9c5b-eeeee", false)
	s.serve(second, 5, 4)
	s.serve(third, 50, 1)
	s.scrape(second)
	s.scrape(third)
	s.counts("new pods of both versions count from the start")

	s.polled("a scrape every second", func(r counters.Result) bool {
		return r.Interval >= 900*time.Millisecond && r.Interval <= 1500*time.Millisecond
	})
}
