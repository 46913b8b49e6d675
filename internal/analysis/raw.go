package analysis

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis/presets"
)

// Raw reads the counters of a canary and of its primary as they are: without rates, which are guesses between two samples, and
// without sums, which hide the restart of one pod behind the requests of another.
type Raw struct {
	// Names are those of the series in different releases or conventions. Of each version, the first whose requests are in an answer
	// are read.
	Names []Names
	// Pods means that the app's pods count, and that the label "pod" names them. Then the answer has the series "up" of these
	// pods, too, which tells when they were scraped.
	Pods bool

	canary, primary, control func(value string) bool
	// preset and target make the selectors. A tick reads answers more often than it makes queries.
	preset preset
	target Target
}

// Names are the names of the series and labels of one release or convention.
type Names struct {
	// Requests is the counter of requests, and Code its label with the HTTP status that they were answered with. GRPC are labels with the
	// status of gRPC.
	Requests, Code string
	GRPC           []string
	// Buckets is the classic histogram of durations, and Durations the native one.
	Buckets, Durations string
	// PerMillisecond is how many units of the histograms make a millisecond.
	PerMillisecond float64
}

// Up is the series that a metrics server writes for each scrape: 1 if it succeeded.
const Up = "up"

// RawFor returns how to read the counters of a target and of its primary. It is false for an unknown preset.
func RawFor(presetName config.Preset, target Target) (Raw, bool) {
	p, exists := known[presetName]
	if !exists {
		return Raw{}, false
	}
	primary, control := target.primary(), target.control()
	r := Raw{
		Pods:    p.Counts == presets.Pods,
		canary:  func(value string) bool { return p.form.fits(target, value) },
		primary: func(value string) bool { return p.form.fits(primary, value) },
		control: func(value string) bool { return target.Control != "" && p.form.fits(control, value) },
		preset:  p, target: target,
	}
	for _, s := range p.Series {
		r.Names = append(r.Names, Names{Requests: s.Requests, Code: s.Code, GRPC: s.GRPC, Buckets: s.Buckets,
			Durations: strings.TrimSuffix(s.Buckets, "_bucket"), PerMillisecond: s.Unit.PerMillisecond()})
	}
	return r, true
}

// Failed reports whether requests with an HTTP status failed.
func (r Raw) Failed(status string) bool {
	if len(status) != 3 {
		return false
	}
	all := r.target.FailedStatuses
	return len(all) == 0 && status[0] == '5' || slices.Contains(all, status) || slices.Contains(all, status[:1]+"xx")
}

// names are all names of series.
func (r Raw) names() []string {
	var all []string
	for _, names := range r.Names {
		all = append(all, names.Requests, names.Buckets, names.Durations)
	}
	return all
}

// selector selects the counters of both versions, and of the control.
func (r Raw) selector() string {
	names := r.names()
	if r.Pods {
		names = append(names, Up)
	}
	pattern := r.preset.form.pattern(r.target) + "|" + r.preset.form.pattern(r.target.primary())
	if r.target.Control != "" {
		pattern += "|" + r.preset.form.pattern(r.target.control())
	}
	return r.preset.named(r.target, names, pattern)
}

// before selects those of the primary alone.
func (r Raw) before() string {
	return r.preset.named(r.target, r.names(), r.preset.form.pattern(r.target.primary()))
}

// named selects the series of these names whose label of the version fits a pattern.
func (p preset) named(target Target, names []string, pattern string) string {
	matchers := []string{"__name__=~" + strconv.Quote(strings.Join(names, "|")), p.Version.Label + "=~" + strconv.Quote(pattern)}
	return strings.Join(append(matchers, p.labels(target)...), ",")
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
	labels := []string{"__name__"}
	for _, names := range r.Names {
		labels = append(labels, names.statuses()...)
	}
	labels = append(append(labels, "le"), TargetLabels...)
	if arm := r.preset.Version.Label; !slices.Contains(labels, arm) {
		labels = append(labels, arm)
	}
	length := historyLength
	if r.Pods {
		length = historyOf(r.target.Replicas)
	}
	return Query{Metric: Counters, Expression: fmt.Sprintf("(sum by (%s) ({%s}))[%ds:%ds]", strings.Join(labels, ","), r.before(),
		int(length.Seconds()), int(HistoryWindow.Seconds()))}
}

// statuses are the labels with a status.
func (n Names) statuses() []string {
	if n.Code == "" {
		return n.GRPC
	}
	return append([]string{n.Code}, n.GRPC...)
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
	switch value := labels[r.preset.Version.Label]; {
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
	for _, name := range r.preset.Routes {
		if labels[name] != "" {
			return labels[name]
		}
	}
	before, _, named := strings.Cut(labels[r.preset.Version.Label], "-svc-")
	if named && r.preset.Version.Is == "traefik-service" {
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
