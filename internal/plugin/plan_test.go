package plugin

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/internal/simulate/forecast"
	"sluice.dev/sluice/internal/workload"
)

// appOf is an app of two pods with so many requests a second, of which a share fails. slower are the shares of its requests that are
// slower than each of the bounds of its histogram, in seconds.
func appOf(rate, errors float64, bounds, slower []float64) forecast.App {
	history := guard.History{Bounds: bounds}
	each := rate * 60 / 2
	for range 60 {
		pod := guard.Counts{Requests: each, Errors: each * errors}
		if len(bounds) > 0 {
			pod.Timed = each
		}
		for _, share := range slower {
			pod.Slower = append(pod.Slower, each*share)
		}
		history.Windows = append(history.Windows, []guard.Counts{pod, pod})
	}
	return forecast.App{Before: polls.Before{History: history, Rate: rate, Errors: errors}, Pods: 2, ByPod: true, Scrape: 15 * time.Second}
}

// plannedOf plans rollouts of a policy without a cluster.
func plannedOf(t *testing.T, spec string, app forecast.App, runs int) planned {
	t.Helper()
	var named v1alpha1.CanaryPolicy
	if err := yaml.UnmarshalStrict([]byte(policyOf(spec)), &named); err != nil {
		t.Fatal(err)
	}
	named.Name = "standard"
	policies := policy.Policies{Named: &named}
	r := &planReading{namespace: "demo", name: "podinfo", policies: policies,
		present: policy.PresentOf("demo", map[string]string{config.AnnotationPolicy: named.Name}, policies)}
	if r.present.Problem != "" {
		t.Fatal(r.present.Problem)
	}
	a := asking{runs: runs, seed: 1}
	result := r.planned(a)
	result.Routes, result.Metrics = []string{"podinfo"}, "app"
	if result.Unplayed != "" {
		return result
	}
	r.raw, _ = analysis.RawFor(config.PresetApp, analysis.Target{})
	r.forecastOf(a, app, map[string]forecast.Data{"queue": {Check: "queue", Has: forecast.HasData, Why: "its query has a value for the primary now"}}, &result)
	return result
}

func TestPlans(t *testing.T) {
	bounds := []float64{.05, .1, .25, .5, 1}
	slower := []float64{.4, .2, .05, .01, .001}
	for name, c := range map[string]struct {
		spec string
		app  forecast.App
	}{
		"by default":              {"{}", appOf(40, .001, bounds, slower)},
		"with few requests":       {"{}", appOf(.5, .001, nil, nil)},
		"with steps":              {"{analysis: {interval: 1m, stepWeights: [10, 20, 30, 40, 50], metrics: [{name: request-duration, thresholdRange: {max: 400}}]}}", appOf(40, .001, bounds, slower)},
		"by thresholds":           {"{analysis: {guard: {enabled: false}}}", appOf(40, .008, bounds, slower)},
		"by the guard and checks": {"{analysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}, {name: queue, query: up, thresholdRange: {max: 1}}]}}", appOf(40, .008, bounds, slower)},
		"of blue and green":       {"{analysis: {iterations: 5}}", forecast.App{}},
		"without traffic":         {"{traffic: None}", forecast.App{}},
		"of a failing app":        {"{}", appOf(40, .05, bounds, []float64{0, 0, 0, 0, 0})},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			runs := 6
			if name == "by default" {
				runs = 100 // the guide shows it
			}
			if err := writePage(&out, plannedOf(t, c.spec, c.app, runs).page); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.String()) {
				if width := len(strings.TrimSuffix(line, "\n")); width > pageWidth {
					t.Errorf("%d columns: %s", width, line)
				}
			}
			isGolden(t, "plan-"+strings.ReplaceAll(name, " ", "-"), out.String())
		})
	}
}

func TestAPlanForPrograms(t *testing.T) {
	var out bytes.Buffer
	result := plannedOf(t, "{}", appOf(40, .001, nil, nil), 6)
	result.Options = result.Options[:1]
	if err := writeRounded(&out, result); err != nil {
		t.Fatal(err)
	}
	isGolden(t, "plan-json", out.String())
}

// TestThePlanSaysHowToReachPrometheus is about an address of the controller that a laptop cannot reach.
func TestThePlanSaysHowToReachPrometheus(t *testing.T) {
	unreached := &url.Error{Op: "Post", URL: "http://x", Err: errors.New("no such host")}
	for name, c := range map[string]struct {
		inside string
		err    error
		want   string
	}{
		"the address of a Service": {"http://prometheus.monitoring:9091/", unreached, "kubectl port-forward -n monitoring service/prometheus 9090:9091, and --from-prometheus http://localhost:9090"},
		"its full name":            {"http://prometheus.monitoring.svc.cluster.local", unreached, "kubectl port-forward -n monitoring service/prometheus 9090:80"},
		"a name without namespace": {"http://prometheus:9090", unreached, "forward a port to it, and name that with --from-prometheus URL"},
		"an address of the user's": {"", unreached, ""},
		"a server that answers":    {"http://prometheus.monitoring:9090", errors.New("403"), ""},
	} {
		if got := (&planReading{inside: c.inside}).forward(c.err); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestTheTimeBetweenScrapesIsTheMedian(t *testing.T) {
	series := func(times ...int64) (s analysis.RawSeries) {
		for _, at := range times {
			s.Samples = append(s.Samples, analysis.Point{At: at})
		}
		return s
	}
	for name, c := range map[string]struct {
		answer []analysis.RawSeries
		want   time.Duration
	}{
		"even scrapes":                 {[]analysis.RawSeries{series(0, 15_000, 30_000), series(4_000, 19_000)}, 15 * time.Second},
		"scrapes of which one is late": {[]analysis.RawSeries{series(0, 10_040, 20_010, 60_000, 69_980)}, 10 * time.Second},
		"one sample says nothing":      {[]analysis.RawSeries{series(5_000)}, 0},
		"no series":                    {nil, 0},
	} {
		if got := scrapeOf(c.answer); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestThePlanSaysWhatIsNotAtRest is about Deployments whose next rollout differs from the plan, or is none.
func TestThePlanSaysWhatIsNotAtRest(t *testing.T) {
	template, err := workload.TemplateOf(corev1.PodTemplateSpec{})
	if err != nil {
		t.Fatal(err)
	}
	held, err := workload.Candidate{Template: template, Hash: template.Hash()}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		annotations map[string]string
		want        string
	}{
		"at rest":      {map[string]string{config.AnnotationCanary: "true"}, ""},
		"not opted in": {nil, "kubectl annotate deployment podinfo -n demo sluice.dev/canary=true"},
		"in a rollout": {map[string]string{config.AnnotationCanary: "true", config.AnnotationCandidate: held}, "a rollout is open"},
	} {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "podinfo", Annotations: c.annotations}}
		if got := strings.Join(standingNotes(d), "; "); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
