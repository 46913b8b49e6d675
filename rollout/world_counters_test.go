package rollout_test

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/simulate/traffic"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
)

// metered is a metrics server of a world, with the counters of simulated requests. Its seconds count from the epoch.
type metered struct {
	traffic.Scenario
	// orders are the shares of orders that fail, of the primary and of the canary: each request is an order. Nil if nothing counts them.
	orders func(w *world, canary bool) (failed float64)
	// seed chooses the requests.
	seed uint64
	// fails says why the server does not answer a query at this time; empty if it does. silent is set while no answer arrives.
	fails  func(*world) string
	silent func(*world) bool

	source   traffic.Source
	requests *traffic.Rollout
	// canary is what the canary had counted when its pods were made, and incarnation says which pods these are.
	canary      traffic.Counter
	incarnation string
	// gone is what controls have counted that are gone.
	gone traffic.Counter
	// overload is the weight from which the canary overloads what both versions share; 0 for none. A fifth of all requests fails then,
	// and canaryHarm and primaryHarm are the errors of that.
	overload                float64
	canaryHarm, primaryHarm float64
	// scraped are the samples of all series by their labels.
	scraped map[string]*analysis.RawSeries
	// round is what was asked for, answer the answer to it, and used the last round that a tick has used.
	round  string
	answer *observed.Counters
	used   observed.Asked
}

// countedAt returns a world's metrics server: requests a second, and the errors of the primary and of the canary, 0 to 1.
func countedAt(rate, base, canary float64) *metered {
	return &metered{Scenario: traffic.Scenario{Rate: rate, Base: base, Canary: canary}}
}

// until plays the seconds until now, with the weight that the routes have now.
func (m *metered) until(w *world) {
	if m.requests == nil {
		m.source, m.scraped = traffic.NewSource(m.Scenario), map[string]*analysis.RawSeries{}
		m.requests = m.source.Rollout(m.seed, 0)
		for ago := range traffic.Seconds(3) {
			m.scrape(w, "podinfo", "7d9c5b-aaaaa", (ago-2)*m.Every(), traffic.Counter{})
		}
	}
	if canary := fmt.Sprint(w.uids); w.canary != nil && canary != m.incarnation {
		m.incarnation, m.canary = canary, m.requests.View().Canary
	}
	for now := int64(w.now.Sub(epoch).Seconds()); m.requests.View().At < now; {
		before := m.requests.View()
		after := m.requests.Next(w.counted() / 100)
		if m.overload > 0 && w.weight() >= m.overload {
			m.canaryHarm += .2 * float64(after.Canary.Requests-before.Canary.Requests)
			m.primaryHarm += .2 * float64(after.Primary.Requests-before.Primary.Requests)
		}
		if w.split().Control != "" {
			w.control.count(w.weight()/100, before.Primary, after.Primary)
		}
		if at := after.PrimarySample.At; at != before.PrimarySample.At {
			m.scrape(w, "podinfo", "7d9c5b-aaaaa", at, m.primary(w, after.PrimarySample.Counter))
		}
		if at := after.CanarySample.At; at != before.CanarySample.At && w.canary != nil {
			counted := after.CanarySample.Counter
			counted.Errors = min(counted.Requests, counted.Errors+int64(m.canaryHarm))
			if byPods(w) && after.CanarySample.Requests >= m.canary.Requests {
				counted = counted.Minus(m.canary)
			}
			if w.control.deployment != nil {
				m.scrape(w, "podinfo-baseline", fmt.Sprintf("%05d-ddddd", w.uids), at, w.control.counter())
			}
			m.scrape(w, "podinfo-canary", fmt.Sprintf("%05d-ccccc", w.uids), at, counted)
		}
	}
}

// primary is what the primary has counted of the requests that are not the canary's.
func (m *metered) primary(w *world, all traffic.Counter) traffic.Counter {
	all.Requests, all.Errors = all.Requests-m.gone.Requests, all.Errors-m.gone.Errors+int64(m.primaryHarm)
	if w.control.deployment != nil {
		own := w.control.counter()
		all.Requests, all.Errors = all.Requests-own.Requests, all.Errors-own.Errors
	}
	return all
}

// counted is the percentage of requests that are counted at the canary. A fifth of the users match. Work goes to any pod.
func (w *world) counted() float64 {
	if w.policy.Traffic == v1alpha1.TrafficNone {
		if w.canary == nil {
			return 0
		}
		canary, primary := float64(*w.canary.Spec.Replicas), float64(*w.primary.Spec.Replicas)
		return 100 * canary / (canary + primary)
	}
	split, matching := w.split(), 0.0
	if len(split.Match) > 0 {
		matching = 20
	}
	return max(w.weight(), split.Mirror, matching)
}

// byPods reports whether the app's pods count, not the gateway.
func byPods(w *world) bool { return w.policy.Preset == config.PresetApp }

// names are the metrics of a preset: the counter of requests, its histogram, and the label of the version with its value.
func names(w *world, workload, pod string) (requests, buckets, label, value string) {
	if byPods(w) {
		return "http_requests_total", "http_request_duration_seconds_bucket", "pod", workload + "-" + pod
	}
	return "traefik_service_requests_total", "traefik_service_request_duration_seconds_bucket", "service", fmt.Sprintf("test-%s-%d@kubernetesgateway", workload, w.service.Spec.Ports[0].Port)
}

// scrape adds a sample to each series of a version.
func (m *metered) scrape(w *world, workload, pod string, at traffic.Seconds, c traffic.Counter) {
	requests, buckets, label, value := names(w, workload, pod)
	stamp := epoch.Add(time.Duration(at) * time.Second).UnixMilli()
	add := func(name, key, detail string, counted int64) {
		id := name + value + detail
		s := m.scraped[id]
		if s == nil {
			s = &analysis.RawSeries{Labels: map[string]string{"__name__": name, label: value, key: detail, "namespace": "test"}}
			m.scraped[id] = s
		}
		s.Samples = append(s.Samples, analysis.Point{At: stamp, Value: float64(counted)})
	}
	if byPods(w) {
		add(analysis.Up, "job", "pods", 1)
	}
	m.countInto(add, requests, buckets, c)
}

// countInto adds what a counter counts as series.
func (m *metered) countInto(add func(name, key, detail string, counted int64), requests, buckets string, c traffic.Counter) {
	add(requests, "code", "200", c.Requests-c.Errors)
	if c.Errors > 0 {
		add(requests, "code", "500", c.Errors)
	}
	if !m.Latencies {
		return
	}
	for i, bound := range traffic.Bounds {
		add(buckets, "le", strconv.FormatFloat(bound, 'g', -1, 64), c.Timed-c.Slow[i])
	}
	add(buckets, "le", "+Inf", c.Timed)
}

// back is how far a query looks back, in milliseconds.
var back = regexp.MustCompile(`\[(\d+)ms\]$`)

// counters answers the query for the counters of both versions.
func (m *metered) counters(w *world, query analysis.Query) []analysis.RawSeries {
	asked := back.FindStringSubmatch(query.Expression)
	if asked == nil {
		w.t.Fatalf("the query does not say how far it looks back: %s", query.Expression)
	}
	millis, _ := strconv.ParseInt(asked[1], 10, 64)
	var answer []analysis.RawSeries
	for _, s := range m.scraped {
		first := len(s.Samples)
		for first > 0 && s.Samples[first-1].At > w.now.UnixMilli()-millis {
			first--
		}
		if first < len(s.Samples) {
			answer = append(answer, analysis.RawSeries{Labels: s.Labels, Samples: s.Samples[first:]})
		}
	}
	return answer
}

// pairs answers the queries for counters of orders. Those that fail have "failed" in the name of their counter.
func (m *metered) pairs(w *world, queries []analysis.Query) []analysis.Sample {
	samples := make([]analysis.Sample, 0, len(queries))
	for _, query := range queries {
		sample := analysis.Sample{Check: query.Check, Metric: query.Metric, Missing: m.orders == nil}
		if m.orders != nil {
			isCanary := strings.Contains(query.Expression, "podinfo-canary")
			counted := m.requests.View().PrimarySample.Counter
			if isCanary {
				counted = m.requests.View().CanarySample.Counter.Minus(m.canary)
			}
			sample.Value = float64(max(counted.Requests, 0))
			if strings.Contains(query.Expression, "failed") {
				sample.Value = math.Floor(sample.Value * m.orders(w, isCanary))
			}
		}
		samples = append(samples, sample)
	}
	return samples
}

// history answers the query for the primary's last hour: the simulated hour before the epoch, as if it ended now.
func (m *metered) history(w *world) []analysis.RawSeries {
	var answer []analysis.RawSeries
	hour := m.source.History(m.seed, 0)
	for pod := range hour[0] {
		requests, buckets, label, value := names(w, "podinfo", fmt.Sprintf("7d9c5b-%05d", pod))
		series := map[string]*analysis.RawSeries{}
		total := map[string]int64{}
		for minute := range len(hour) + 1 {
			stamp := w.now.Truncate(time.Minute).Add(time.Duration(minute-len(hour)) * time.Minute).UnixMilli()
			add := func(name, key, detail string, counted int64) {
				id := name + detail
				if series[id] == nil {
					series[id] = &analysis.RawSeries{Labels: map[string]string{"__name__": name, label: value, key: detail, "namespace": "test", "instance": fmt.Sprint(pod)}}
				}
				total[id] += counted
				series[id].Samples = append(series[id].Samples, analysis.Point{At: stamp, Value: float64(total[id])})
			}
			var counted traffic.Counter
			if minute > 0 {
				counted = hour[minute-1][pod]
			}
			m.countInto(add, requests, buckets, counted)
		}
		for _, s := range series {
			answer = append(answer, *s)
		}
	}
	return answer
}

// rawAnswers returns the answers to what is needed of the metrics server. With a source of chance they arrive later.
func (w *world) rawAnswers(needs rollout.Needs) (counters, history *observed.Counters) {
	need, m := needs.Counters, w.metered
	if need == nil {
		need = needs.History
	}
	switch {
	case m == nil:
		return nil, nil
	case need == nil:
		m.round, m.answer = "", nil
		return nil, nil
	case m.round != need.Round || m.answer == nil:
		m.round, m.answer = need.Round, m.ask(w, need.Query, need.Pairs, needs.History != nil)
	}
	if m.silent != nil && m.silent(w) || w.rand != nil && w.rand.IntN(2) == 0 {
		w.pending = true
		return nil, nil
	}
	if needs.History != nil {
		return nil, m.answer
	}
	return m.answer, nil
}

func (m *metered) ask(w *world, query analysis.Query, pairs []analysis.Query, history bool) *observed.Counters {
	answer := &observed.Counters{Asked: w.now}
	if m.fails != nil {
		answer.Err = m.fails(w)
	}
	switch {
	case answer.Err != "":
	case history:
		answer.Series = m.history(w)
	case query.Expression == "":
		answer.Pairs = m.pairs(w, pairs)
	case len(pairs) > 0:
		answer.Series, answer.Pairs = m.counters(w, query), m.pairs(w, pairs)
	default:
		answer.Series = m.counters(w, query)
	}
	return answer
}

// use ends the round whose answer a tick has used.
func (m *metered) use(answers ...*observed.Counters) {
	for _, a := range answers {
		if a != nil {
			m.used, m.round, m.answer = observed.Asked{Round: m.round, At: a.Asked}, "", nil
		}
	}
}
