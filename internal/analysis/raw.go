package analysis

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/config"
)

// rawPreset tells the counters of a canary and its primary apart in the answer to one query.
type rawPreset struct {
	// arm is the label that says which version a series is about, pattern what it is for a target, and fits the same as pattern
	// in Go: to compile a pattern in every tick takes longer than all else.
	arm     string
	pattern func(Target) string
	fits    func(t Target, value string) bool
	// others returns matchers for more labels of both versions. Nil without any.
	others func(Target) string
	// routes are labels that may name a route. named means that the label of the version begins with one.
	routes []string
	named  bool
	// pods means that each pod of the app counts its own requests. Else the gateways count those of both versions.
	pods bool
}

// Raw reads the counters of a canary and of its primary as they are: without rates, which are guesses between two samples, and
// without sums, which hide the restart of one pod behind the requests of another.
type Raw struct {
	// Requests is the counter of requests, and Code its label with the status that they were answered with.
	Requests, Code string
	// Buckets is the classic histogram of durations, and Durations the native one.
	Buckets, Durations string
	// PerMillisecond is how many units of the histograms make a millisecond.
	PerMillisecond float64
	// Pods means that the app's pods count, and that the label "pod" names them. Then the answer has the series "up" of these
	// pods, too, which tells when they were scraped.
	Pods bool

	arm                      string
	canary, primary, control func(value string) bool
	// preset and target make the selectors. A tick reads answers more often than it makes queries.
	preset rawPreset
	target Target
}

// Up is the series that a metrics server writes for each scrape: 1 if it succeeded.
const Up = "up"

// RawFor returns how to read the counters of a target and of its primary. It is false for an unknown preset.
func RawFor(presetName config.Preset, target Target) (Raw, bool) {
	p, known := presets[presetName]
	if !known {
		return Raw{}, false
	}
	primary, control := target.primary(), target.control()
	r := Raw{
		Requests: p.requests, Code: p.code, Buckets: p.buckets, Durations: strings.TrimSuffix(p.buckets, "_bucket"),
		PerMillisecond: p.perMillisecond, Pods: p.raw.pods,
		arm:     p.raw.arm,
		canary:  func(value string) bool { return p.raw.fits(target, value) },
		primary: func(value string) bool { return p.raw.fits(primary, value) },
		control: func(value string) bool { return target.Control != "" && p.raw.fits(control, value) },
		preset:  p.raw, target: target,
	}
	return r, true
}

// selector selects the counters of both versions, and of the control.
func (r Raw) selector() string {
	names := []string{r.Requests, r.Buckets, r.Durations}
	if r.Pods {
		names = append(names, Up)
	}
	pattern := r.preset.pattern(r.target) + "|" + r.preset.pattern(r.target.primary())
	if r.target.Control != "" {
		pattern += "|" + r.preset.pattern(r.target.control())
	}
	return r.preset.selector(r.target, names, pattern)
}

// before selects those of the primary alone.
func (r Raw) before() string {
	return r.preset.selector(r.target, []string{r.Requests, r.Buckets, r.Durations}, r.preset.pattern(r.target.primary()))
}

// selector selects the series of these names whose label of the version fits a pattern.
func (p rawPreset) selector(target Target, names []string, pattern string) string {
	selector := fmt.Sprintf("__name__=~%s,%s=~%s", strconv.Quote(strings.Join(names, "|")), p.arm, strconv.Quote(pattern))
	if p.others != nil {
		selector += "," + p.others(target)
	}
	return selector
}

// TargetLabels tell pods and gateways apart, however the metrics server names them.
var TargetLabels = []string{"instance", "job", "namespace", "pod"}

const (
	// HistoryWindow is the time between two samples of a history.
	HistoryWindow = time.Minute
	// historyLength is how far a history looks back at most, and historyLeast at least.
	historyLength, historyLeast = time.Hour, 10 * time.Minute
	// historyPods is how many pods have a history of the whole length. More have a shorter one, because an answer has a limit. They show as
	// much in less time.
	historyPods = 80
)

// historyOf is how far the history of a number of pods looks back, in whole minutes.
func historyOf(pods int32) time.Duration {
	if pods <= historyPods {
		return historyLength
	}
	return max(historyLeast, (historyLength * historyPods / time.Duration(pods)).Truncate(HistoryWindow))
}

// History returns the query for the primary's counters in the last hour, or less of many pods that count by themselves. Its answer is a
// matrix with a sample for each minute, however often the server scrapes. Series that differ only in labels that nobody needs are summed
// up: they are of one process, so they are reset together.
func (r Raw) History() Query {
	labels := append([]string{"__name__", r.Code, "le"}, TargetLabels...)
	if !slices.Contains(labels, r.arm) {
		labels = append(labels, r.arm)
	}
	length := historyLength
	if r.Pods {
		length = historyOf(r.target.Replicas)
	}
	return Query{Metric: Counters, Expression: fmt.Sprintf("(sum by (%s) ({%s}))[%ds:%ds]", strings.Join(labels, ","), r.before(),
		int(length.Seconds()), int(HistoryWindow.Seconds()))}
}

// Query returns the query for all samples of the last while, in whole milliseconds. Its answer is a matrix: an instant query of a
// range selector returns the samples as they were scraped, with their own times.
func (r Raw) Query(back time.Duration) Query {
	return Query{Metric: Counters, Expression: fmt.Sprintf("{%s}[%dms]", r.selector(), max(1, back.Milliseconds()))}
}

// At returns a query of samples as it would have been answered at a time in the past.
func (q Query) At(past time.Time) Query {
	q.Expression += fmt.Sprintf(" @ %d.%03d", past.Unix(), past.Nanosecond()/1e6)
	return q
}

// Arm is whose requests a series counts.
type Arm uint8

// Whose requests may be counted.
const (
	// ArmNone is that of somebody else's.
	ArmNone Arm = iota
	// ArmCanary is that of the canary's.
	ArmCanary
	// ArmPrimary is that of the primary's.
	ArmPrimary
	// ArmControl is that of the control's: pods of the primary's template beside the canary's.
	ArmControl
)

// ArmOf says whose requests a series counts. Traefik's names of the Services of a canary and of a control fit the pattern of the
// primary's, too, so these go first.
func (r Raw) ArmOf(labels map[string]string) Arm {
	switch value := labels[r.arm]; {
	case r.canary(value):
		return ArmCanary
	case r.control(value):
		return ArmControl
	case r.primary(value):
		return ArmPrimary
	}
	return ArmNone
}

// RouteOf returns the route that a series is about, as the metrics name it: Traefik the rule of a route, an app what it likes. Empty if
// they name none.
func (r Raw) RouteOf(labels map[string]string) string {
	for _, name := range r.preset.routes {
		if labels[name] != "" {
			return labels[name]
		}
	}
	before, _, named := strings.Cut(labels[r.arm], "-svc-")
	if named && r.preset.named {
		return before
	}
	return ""
}

// RawSeries is one series of a metrics server with its samples, the oldest first.
type RawSeries struct {
	// Labels include the name of the metric as __name__.
	Labels map[string]string
	// Samples are those of a counter, or of a bucket of a classic histogram.
	Samples []Point
	// Histograms are the samples of a native histogram.
	Histograms []HistogramPoint
}

// Point is one sample.
type Point struct {
	// At is the time of the scrape by the server's clock, in milliseconds since 1970.
	At int64
	// Value may be anything that a float can be.
	Value float64
}

// HistogramPoint is one sample of a native histogram.
type HistogramPoint struct {
	// At is the time of the scrape, as in Point.
	At int64
	// Count is the number of observations.
	Count float64
	// Buckets are those that have any.
	Buckets []HistogramBucket
}

// HistogramBucket has the observations between two bounds, in the unit of the histogram. They are not cumulative.
type HistogramBucket struct {
	Lower, Upper, Count float64
}

// fitsPod is podsOf.
func fitsPod(t Target, value string) bool {
	hashes, has := strings.CutPrefix(value, t.Workload+"-")
	set, pod, two := strings.Cut(hashes, "-")
	return has && two && alphanumeric(set) && len(pod) == 5 && alphanumeric(pod)
}

// fitsWorkload is equality.
func fitsWorkload(t Target, value string) bool { return value == t.Workload }

// fitsTraefik is traefikService.
func fitsTraefik(t Target, value string) bool {
	value, ours := strings.CutSuffix(value, "@kubernetesgateway")
	cut := strings.LastIndexByte(value, '-')
	if !ours || cut < 0 {
		return false
	}
	front, number := value[:cut], value[cut+1:]
	if !digits(number) {
		return false
	}
	service := t.Namespace + "-" + t.Service
	if before, named := strings.CutSuffix(front, "-svc-"+service); named && before != "" {
		return true
	}
	scheme, named := strings.CutPrefix(front, service)
	return named && (scheme == "" || scheme[0] == '-' && alphanumeric(scheme[1:])) && t.hasPort(number)
}

// hasPort reports whether the routes send to a port. Without any ports they may send to each.
func (t Target) hasPort(number string) bool {
	return len(t.Ports) == 0 || slices.ContainsFunc(t.Ports, func(port int32) bool { return strconv.Itoa(int(port)) == number })
}

func digits(text string) bool { return made(text, func(c byte) bool { return '0' <= c && c <= '9' }) }

func alphanumeric(text string) bool {
	return made(text, func(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' })
}

// made reports whether a text has bytes, and only such.
func made(text string, of func(byte) bool) bool {
	for i := range len(text) {
		if !of(text[i]) {
			return false
		}
	}
	return text != ""
}
