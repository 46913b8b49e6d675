package counters

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sluice.dev/sluice/internal/analysis"
)

// exporter is a pod or a gateway of a random world, with what it has counted in this life and what was scraped of it.
type exporter struct {
	name    string
	arm     Arm
	created float64
	gone    bool
	phase   float64
	// missed is the probability that a scrape of it fails.
	missed  float64
	values  map[string]float64
	scraped map[string][]analysis.Point
}

// serie names one series: the version, and a class, or the bound of a bucket in milliseconds with "+Inf" for all.
func serie(version Arm, what string) string { return fmt.Sprint(version, " ", what) }

// world is a metrics server and what it scrapes. Its clock is in seconds after the rollout began.
type world struct {
	t         *testing.T
	random    *rand.Rand
	interval  float64
	gateways  bool
	exporters []*exporter
	// truth is what was really answered since the rollout began, by version and class.
	truth   map[string]float64
	now     float64
	state   State
	canary  Increments
	primary Increments
}

// serve answers one request.
func (w *world) serve() {
	version, class, slow := Primary, "2", w.random.IntN(3) == 0
	if w.random.IntN(4) == 0 {
		version = Canary
	}
	if w.random.IntN(10) == 0 {
		class = "5"
	}
	var able []*exporter
	for _, e := range w.exporters {
		if !e.gone && (e.arm == Both || e.arm == version) {
			able = append(able, e)
		}
	}
	if len(able) == 0 {
		return
	}
	e := able[w.random.IntN(len(able))]
	for _, what := range []string{"300", "+Inf"} {
		if _, begun := e.values[serie(version, what)]; !begun {
			e.values[serie(version, what)] = 0
		}
	}
	e.values[serie(version, class)]++
	e.values[serie(version, "+Inf")]++
	if !slow {
		e.values[serie(version, "300")]++
	}
	if w.now >= 0 {
		w.truth[serie(version, class)]++
		if slow {
			w.truth[serie(version, "slow")]++
		}
	}
}

// scrape reads an exporter.
func (w *world) scrape(e *exporter) {
	if e.gone || w.random.Float64() < e.missed {
		return
	}
	for name, value := range e.values {
		e.scraped[name] = append(e.scraped[name], analysis.Point{At: at(w.now), Value: value})
	}
	if e.arm != Both {
		e.scraped["up"] = append(e.scraped["up"], analysis.Point{At: at(w.now), Value: 1})
	}
}

// answer is what the metrics server answers about the last while.
func (w *world) answer(back time.Duration) []Series {
	var answer []Series
	from := at(w.now) - back.Milliseconds()
	for _, e := range w.exporters {
		for name, samples := range e.scraped {
			var s Series
			if name == "up" {
				s = Series{ID: hash(e.name + name), Kind: Scrapes, Arm: e.arm}
			} else {
				var version Arm
				var what string
				_, _ = fmt.Sscan(name, &version, &what)
				s = Series{ID: hash(e.name + name), Kind: Requests, Arm: version}
				switch what {
				case "2", "5":
					s.Class = what[0] - '0'
				default:
					s.Kind, s.Family, s.Bound = Bucket, hash(e.name+fmt.Sprint(version)), 300
					if what == "+Inf" {
						s.Bound = all
					}
				}
			}
			s.Target = hash(e.name)
			if e.arm != Both {
				s.Pod = e.name
			}
			if s.Samples = samples[upTo(samples, from):]; len(s.Samples) > 0 {
				answer = append(answer, s)
			}
		}
	}
	w.random.Shuffle(len(answer), func(i, j int) { answer[i], answer[j] = answer[j], answer[i] })
	return answer
}

// poll asks the metrics server, and adds what has happened.
func (w *world) poll() Result { return w.pollBack(w.state.Back(time.UnixMilli(at(w.now)))) }

func (w *world) pollBack(back time.Duration) Result {
	w.t.Helper()
	created := map[string]time.Time{}
	for _, e := range w.exporters {
		created[e.name] = time.UnixMilli(at(e.created)).Truncate(time.Second)
	}
	now := time.UnixMilli(at(w.now))
	next, result := Advance(w.state, Poll{Now: now, Began: began, Created: created, Series: w.answer(back)})
	w.state = kept(w.t, next)
	if !result.Counted && (result.Canary.Requests != 0 || result.Primary.Requests != 0) {
		w.t.Error("a poll that is none shows requests")
	}
	for total, more := range map[*Increments]Increments{&w.canary: result.Canary, &w.primary: result.Primary} {
		total.Requests += more.Requests
		total.Errors += more.Errors
		for _, b := range more.Bounds {
			total.slower(b.Millis, b.Timed, b.Slower)
		}
		if pods := podsOf(more); len(more.Pods) > 0 && pods != more.Requests {
			w.t.Errorf("the pods have %v of %v requests", pods, more.Requests)
		}
	}
	return result
}

func podsOf(i Increments) (requests float64) {
	for _, p := range i.Pods {
		requests += p.Requests
	}
	return requests
}

// add adds a pod or gateway.
func (w *world) add(arm Arm) {
	name := fmt.Sprintf("%d-%d", arm, len(w.exporters))
	e := &exporter{name: name, arm: arm, created: w.now, phase: w.random.Float64() * w.interval, values: map[string]float64{}, scraped: map[string][]analysis.Point{}}
	if w.random.IntN(3) == 0 {
		e.missed = 0.3 * w.random.Float64()
	}
	w.exporters = append(w.exporters, e)
}
