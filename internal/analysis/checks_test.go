package analysis

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

func within(least, greatest *float64) *v1alpha1.ThresholdRange {
	return &v1alpha1.ThresholdRange{Min: least, Max: greatest}
}

func policyWith(metrics ...v1alpha1.Metric) config.Policy {
	policy := byChecks()
	policy.Checks = metrics
	return policy
}

func TestJudgeChecksOfAPolicy(t *testing.T) {
	rate := v1alpha1.Metric{Name: v1alpha1.MetricSuccessRate, ThresholdRange: within(ptr.To(95.0), nil)}
	duration := v1alpha1.Metric{Name: v1alpha1.MetricDuration, Threshold: ptr.To(1500.0)}
	own := v1alpha1.Metric{Name: "error-rate", Query: "up", ThresholdRange: within(nil, ptr.To(1.0))}
	both := v1alpha1.Metric{Name: "depth", Query: "up", ThresholdRange: within(ptr.To(10.0), ptr.To(20.0))}
	ownDuration := v1alpha1.Metric{Name: v1alpha1.MetricDuration, Query: "up", ThresholdRange: within(nil, ptr.To(0.5))}
	value := func(check string, v float64) []Sample { return []Sample{{Check: check, Metric: Custom, Value: v}} }
	for name, c := range map[string]struct {
		metric  v1alpha1.Metric
		samples []Sample
		want    v1alpha1.CheckStatus
	}{
		"the range comes before the policy's least success rate": {rate, samples(100, 96, 0), v1alpha1.CheckStatus{Value: "96.00%", Threshold: "min 95%", Verdict: v1alpha1.VerdictPass}},
		"a rate below its range":                                 {rate, samples(100, 94, 0), v1alpha1.CheckStatus{Value: "94.00%", Threshold: "min 95%", Verdict: v1alpha1.VerdictFail, Message: "94.00% is below min 95%"}},
		"a threshold alone is the greatest duration": {duration, samples(100, 0, 1501), v1alpha1.CheckStatus{Value: "1501ms", Threshold: "max 1.5s", Verdict: v1alpha1.VerdictFail,
			Message: "1501ms is above max 1.5s"}},
		"few requests say nothing of a built-in check": {rate, samples(9, 0, 0), v1alpha1.CheckStatus{Threshold: "min 95%", Verdict: v1alpha1.VerdictInconclusive,
			Message: "9 requests to the canary were counted; at least 10 are needed"}},
		"the greatest value passes":   {own, value("error-rate", 1), v1alpha1.CheckStatus{Value: "1", Threshold: "max 1", Verdict: v1alpha1.VerdictPass}},
		"0 passes a greatest value":   {own, value("error-rate", 0), v1alpha1.CheckStatus{Value: "0", Threshold: "max 1", Verdict: v1alpha1.VerdictPass}},
		"above the greatest value":    {own, value("error-rate", 1.001), v1alpha1.CheckStatus{Value: "1.001", Threshold: "max 1", Verdict: v1alpha1.VerdictFail, Message: "1.001 is above max 1"}},
		"the least value passes":      {both, value("depth", 10), v1alpha1.CheckStatus{Value: "10", Threshold: "10 to 20", Verdict: v1alpha1.VerdictPass}},
		"below the least value":       {both, value("depth", 9.5), v1alpha1.CheckStatus{Value: "9.5", Threshold: "10 to 20", Verdict: v1alpha1.VerdictFail, Message: "9.5 is below 10 to 20"}},
		"large values have no powers": {both, value("depth", 1234567), v1alpha1.CheckStatus{Value: "1234567", Threshold: "10 to 20", Verdict: v1alpha1.VerdictFail, Message: "1234567 is above 10 to 20"}},
		"a query with a built-in name is the check's own": {ownDuration, value(v1alpha1.MetricDuration, 0.4), v1alpha1.CheckStatus{Value: "0.4", Threshold: "max 0.5",
			Verdict: v1alpha1.VerdictPass}},
		"no data":      {own, []Sample{{Check: "error-rate", Metric: Custom, Missing: true}}, v1alpha1.CheckStatus{Threshold: "max 1", Verdict: v1alpha1.VerdictInconclusive, Message: "the query of error-rate returned no data"}},
		"no number":    {own, value("error-rate", math.NaN()), v1alpha1.CheckStatus{Threshold: "max 1", Verdict: v1alpha1.VerdictInconclusive, Message: "the query of error-rate returned no data"}},
		"not asked":    {own, value("another", 0), v1alpha1.CheckStatus{Threshold: "max 1", Verdict: v1alpha1.VerdictInconclusive, Message: "the query of error-rate returned no data"}},
		"not answered": {own, []Sample{{Check: "error-rate", Metric: Custom, Err: "timeout", Provider: "Prometheus"}}, v1alpha1.CheckStatus{Threshold: "max 1", Verdict: v1alpha1.VerdictInconclusive, Message: "Prometheus could not answer: timeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Name = c.metric.Name
			if diff := cmp.Diff([]v1alpha1.CheckStatus{c.want}, Judge(policyWith(c.metric), c.samples)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckProblem(t *testing.T) {
	good := v1alpha1.Metric{Name: "error-rate", Query: "up", ThresholdRange: within(nil, ptr.To(1.0))}
	for name, c := range map[string]struct {
		metrics []v1alpha1.Metric
		want    string
	}{
		"nothing set":               {nil, ""},
		"built in and own":          {[]v1alpha1.Metric{{Name: v1alpha1.MetricDuration}, good}, ""},
		"the same name":             {[]v1alpha1.Metric{good, good}, `check "error-rate" is listed twice`},
		"no limits":                 {[]v1alpha1.Metric{{Name: "error-rate", Query: "up"}}, `check "error-rate" must have thresholdRange, ratioRange or condition: a query has no default range`},
		"a name that is not known":  {[]v1alpha1.Metric{{Name: "error-rate"}}, "must have query or templateRef"},
		"not ours without a filter": {[]v1alpha1.Metric{{Name: "custom"}}, "must have query or templateRef"},
	} {
		t.Run(name, func(t *testing.T) {
			got := CheckProblem(ChecksOf(policyWith(c.metrics...)))
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, not %q", got, c.want)
			}
		})
	}
}

func TestChecksLookAsFarBackAsTheyShould(t *testing.T) {
	checks := ChecksOf(policyWith(v1alpha1.Metric{Name: v1alpha1.MetricDuration}, v1alpha1.Metric{Name: "own", Query: "up", Interval: &metav1.Duration{Duration: 5 * time.Minute}}))
	if checks[0].Window != 0 || checks[1].Window != 5*time.Minute {
		t.Errorf("got %s and %s", checks[0].Window, checks[1].Window)
	}
}

func TestRender(t *testing.T) {
	variables := Variables{Namespace: "shop", Primary: "podinfo", Target: "podinfo-canary", Service: "web", Route: "front", Interval: 90 * time.Second,
		Custom: map[string]string{"direction": "inbound"}}
	for name, c := range map[string]struct{ query, want, problem string }{
		"all names": {query: "{{ name }} {{ primary }} {{ target }} {{ namespace }} {{ service }} {{ ingress }} {{ route }} {{ interval }} {{ variables.direction }}",
			want: "podinfo podinfo podinfo-canary shop web podinfo front 90s inbound"},
		"a choice":                  {query: `{{ if eq variables.direction "inbound" }}in{{ else }}out{{ end }}`, want: "in"},
		"a variable that is not":    {query: "{{ variables.nothing }}", problem: "nothing"},
		"a function that is not":    {query: "{{ pod }}", problem: "pod"},
		"a template that ends":      {query: "{{ target", problem: "the query is not a valid template"},
		"a loop":                    {query: "{{ range 1000000000 }}{{ end }}", problem: "which is not supported"},
		"text that grows":           {query: `{{ printf "%1000000d" 1 }}`, problem: "the query uses the function printf"},
		"text that grows inside":    {query: `{{ if (eq (printf "%1000000d" 1) "") }}x{{ end }}`, problem: "the query uses the function printf"},
		"a template in it":          {query: `{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}`, problem: "not supported"},
		"Flagger's way of a dot":    {query: "{{ .Target }}", problem: "Target"},
		"nothing but space":         {query: "  \n", problem: "the query is empty"},
		"nothing that is filled in": {query: `{{ if eq target "x" }}up{{ end }}`, problem: "the query is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Render(c.query, variables)
			if c.problem == "" && (err != nil || got != c.want) {
				t.Errorf("got %q, %v", got, err)
			}
			if c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestVariablesProblem(t *testing.T) {
	for name, c := range map[string]struct {
		value string
		plain bool
	}{
		"a name":                       {"shop-2.example.com", true},
		"a path":                       {"/api/v1:8080_x", true},
		"nothing":                      {"", true},
		"the end of a string":          {`a"} or up{x="`, false},
		"the end of another string":    {"a'", false},
		"the end of a raw string":      {"a`", false},
		"the start of an escape":       {`a\`, false},
		"another alternative":          {"a|b", false},
		"any number of characters":     {"a.*", false},
		"the end of a matcher":         {"a}", false},
		"another matcher":              {"a,b", false},
		"the start of a function":      {"count(", false},
		"a space":                      {"a or b", false},
		"the end of a line":            {"a\n", false},
		"a letter of another alphabet": {"ä", false},
		"what only begins with a name": {"a\n\"", false},
		"the start of a comment":       {"#", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := VariablesProblem(Check{Name: "own", Variables: map[string]string{"direction": "inbound", "pod": c.value}})
			if (got == "") != c.plain || !c.plain && !strings.HasPrefix(got, "spec.analysis.metrics[own].templateVariables[pod]: Invalid value: ") {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestQueriesOfACheckWithItsOwn(t *testing.T) {
	check := ChecksOf(policyWith(v1alpha1.Metric{Name: "own", Query: `rate(x{w="{{ target }}",p="{{ primary }}"}[{{ interval }}])`, ThresholdRange: within(nil, ptr.To(1.0))}))[0]
	check.Server = &Server{Address: "http://other"}
	got, err := QueriesFor(check, "", Target{Namespace: "shop", Workload: "podinfo-canary", Primary: "podinfo"}, 12500*time.Millisecond)
	want := []Query{{Check: "own", Metric: Custom, Expression: `rate(x{w="podinfo-canary",p="podinfo"}[12500ms])`, Server: check.Server, Window: 12500 * time.Millisecond}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestAdvice(t *testing.T) {
	for query, advised := range map[string]bool{`x{w=~"{{ target }}-primary"}`: true, `x{w=~"{{target}}-primary"}`: true, `x{w=~"{{ target }}"}`: false} {
		if got := Advice(query); (got != "") != advised {
			t.Errorf("%s: got %q", query, got)
		}
	}
}
