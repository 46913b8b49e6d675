package policy

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// specOf reads a policy from YAML.
func specOf(t *testing.T, text string) v1alpha1.PolicySpec {
	t.Helper()
	var spec v1alpha1.PolicySpec
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

// analysisOf returns the analysis that follows from layers, as JSON, without what is always built in.
func analysisOf(t *testing.T, layers ...Layer) string {
	t.Helper()
	spec, _, err := Merge(layers...)
	if err != nil {
		t.Fatal(err)
	}
	a := spec.Analysis
	a.Interval, a.Threshold, a.PrimaryReadyThreshold, a.CanaryReadyThreshold, a.MinRequests, a.Metrics = nil, nil, nil, nil, nil, nil
	content, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestTheFirstLayerThatSaysSomethingWins(t *testing.T) {
	for name, c := range map[string]struct{ higher, lower, want string }{
		"without anything the guard chooses the steps":    {"{}", "{}", `{"guard":{"enabled":true},"ladder":"auto"}`},
		"without the guard there are the built-in steps":  {"{guard: {enabled: false}}", "{}", `{"guard":{"enabled":false},"maxWeight":50,"stepWeight":10}`},
		"the guard may be off in the lower layer":         {"{}", "{guard: {enabled: false}}", `{"guard":{"enabled":false},"maxWeight":50,"stepWeight":10}`},
		"the higher layer turns the guard on again":       {"{guard: {enabled: true}}", "{guard: {enabled: false}}", `{"guard":{"enabled":true},"ladder":"auto"}`},
		"what is said to the guard leaves it on":          {"{guard: {alpha: 0.1}}", "{}", `{"guard":{"alpha":0.1,"enabled":true},"ladder":"auto"}`},
		"a value of the higher layer":                     {"{stepWeight: 20}", "{stepWeight: 5}", `{"maxWeight":50,"stepWeight":20}`},
		"a value of the lower layer":                      {"{stepWeight: 20}", "{maxWeight: 80}", `{"maxWeight":80,"stepWeight":20}`},
		"a greatest weight alone goes with the own steps": {"{maxWeight: 80}", "{}", `{"maxWeight":80,"stepWeight":10}`},
		"another way to say the weights":                  {"{stepWeights: [1, 5]}", "{stepWeight: 5, maxWeight: 50}", `{"stepWeights":[1,5]}`},
		"steps in place of weights":                       {"{steps: [{weight: 5}]}", "{stepWeights: [1, 5]}", `{"steps":[{"weight":5}]}`},
		"equal steps in place of weights":                 {"{stepWeight: 5}", "{stepWeights: [1, 5]}", `{"maxWeight":50,"stepWeight":5}`},
		"lists are taken as a whole":                      {"{stepWeights: [1]}", "{stepWeights: [2, 3]}", `{"stepWeights":[1]}`},
		"iterations alone have no weights":                {"{iterations: 3}", "{}", `{"iterations":3}`},
		"iterations can have weights after them":          {"{iterations: 3}", "{stepWeight: 5}", `{"iterations":3,"maxWeight":50,"stepWeight":5}`},
		"no iterations turns the lower ones off":          {"{iterations: 0}", "{iterations: 3, mirror: true, mirrorWeight: 5}", `{"iterations":0,"ladder":"auto"}`},
		"no iterations leaves the built-in steps":         {"{iterations: 0, guard: {enabled: false}}", "{iterations: 3}", `{"guard":{"enabled":false},"iterations":0,"maxWeight":50,"stepWeight":10}`},
		"no weight turns the lower ones off":              {"{stepWeight: 0}", "{stepWeights: [1, 5], iterations: 3}", `{"iterations":3,"stepWeight":0}`},
		"no mirror turns the lower one off":               {"{mirror: false}", "{iterations: 3, mirror: true, mirrorWeight: 5, stepMirrorWeight: 5}", `{"iterations":3,"mirror":false}`},
		"a ladder in place of all steps":                  {"{ladder: auto}", "{stepWeight: 5, maxWeight: 80, iterations: 3, mirror: true}", `{"ladder":"auto"}`},
		"steps in place of a ladder":                      {"{stepWeights: [5]}", "{ladder: auto}", `{"stepWeights":[5]}`},
		"a greatest weight in place of a ladder":          {"{maxWeight: 80}", "{ladder: auto}", `{"maxWeight":80,"stepWeight":10}`},
		"iterations in place of a ladder":                 {"{iterations: 3}", "{ladder: auto}", `{"iterations":3}`},
		"without the guard there is no ladder":            {"{guard: {enabled: false}}", "{ladder: auto}", `{"guard":{"enabled":false},"maxWeight":50,"stepWeight":10}`},
		"a share for the lower mirror":                    {"{mirrorWeight: 7}", "{iterations: 3, mirror: true, mirrorWeight: 5}", `{"iterations":3,"mirror":true,"mirrorWeight":7}`},
	} {
		t.Run(name, func(t *testing.T) {
			higher, lower := Layer{From: "higher", Spec: specOf(t, "analysis: "+c.higher)}, Layer{From: "lower", Spec: specOf(t, "analysis: "+c.lower)}
			var want, got any
			_ = json.Unmarshal([]byte(c.want), &want)
			if of, _ := want.(map[string]any); of["guard"] == nil {
				of["guard"] = map[string]any{"enabled": true}
			}
			_ = json.Unmarshal([]byte(analysisOf(t, higher, lower)), &got)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, not %v", got, want)
			}
		})
	}
}

func TestEveryValueSaysWhereItComesFrom(t *testing.T) {
	settings, errs := SettingsOf(map[string]string{config.AnnotationInterval: "7s", config.AnnotationMinSuccessRate: "95"})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	effective, errs := EffectiveOf(settings,
		Layer{From: "CanaryPolicy/standard", Spec: specOf(t, "{analysis: {interval: 1m, threshold: 3}, autoscalerRef: {kind: ScaledObject, name: a}, service: {headers: {request: {set: {a: b}}}}}")},
		Layer{From: "ClusterCanaryPolicy/default", Spec: specOf(t, "{analysis: {metrics: [{name: x, query: y, thresholdRange: {max: 1}}]}, autoscalerRef: {kind: HorizontalPodAutoscaler, name: b, primaryScalerReplicas: {minReplicas: 2}}}")})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	from := map[string]string{}
	for _, source := range effective.Sources {
		from[source.Field] = source.From
	}
	for field, want := range map[string]string{
		"analysis.interval": "annotation sluice.dev/interval", "analysis.threshold": "CanaryPolicy/standard",
		"analysis.metrics": "ClusterCanaryPolicy/default", "analysis.metrics[request-success-rate]": "annotation sluice.dev/min-success-rate",
		"analysis.guard.enabled": "built-in", "autoscalerRef": "CanaryPolicy/standard", "service.headers.request.set.a": "CanaryPolicy/standard",
	} {
		if from[field] != want {
			t.Errorf("%s comes from %q, not %q", field, from[field], want)
		}
	}
	if effective.Policy.Interval != 7*time.Second || effective.Policy.Threshold != 3 || effective.Policy.MinSuccessRate != 95 || len(effective.Policy.Checks) != 2 {
		t.Errorf("the policy is %+v", effective.Policy)
	}
	if effective.Spec.AutoscalerRef.PrimaryScalerReplicas != nil {
		t.Error("a reference must come from one layer alone")
	}
}

func TestThresholdsOfAnnotations(t *testing.T) {
	for name, c := range map[string]struct {
		policy string
		checks int
		rate   float64
	}{
		"without metrics it is the only check":            {"{}", 1, 95},
		"without the guard it is one of two":              {"{analysis: {guard: {enabled: false}}}", 0, 95},
		"a policy's threshold of the check gives way":     {"{analysis: {metrics: [{name: request-success-rate, threshold: 90}]}}", 1, 95},
		"a policy without the check gets it":              {"{analysis: {metrics: [{name: x, query: y, thresholdRange: {max: 1}}]}}", 2, 95},
		"a policy with just the built-in checks is plain": {"{analysis: {metrics: [{name: request-duration, thresholdRange: {max: 1}}, {name: request-success-rate, thresholdRange: {min: 1}}]}}", 0, 95},
	} {
		t.Run(name, func(t *testing.T) {
			settings, _ := SettingsOf(map[string]string{config.AnnotationMinSuccessRate: "95%"})
			got, errs := EffectiveOf(settings, Layer{From: "p", Spec: specOf(t, c.policy)})
			if len(errs) > 0 || got.Policy.MinSuccessRate != c.rate || len(got.Policy.Checks) != c.checks {
				t.Errorf("got %+v, %v", got.Policy, errs)
			}
		})
	}
}

func TestTheEffectivePolicyMeansTheSameAgain(t *testing.T) {
	for _, text := range []string{"{}", "{traffic: None}", "{analysis: {guard: {enabled: false}}}", "{analysis: {iterations: 3, match: [{headers: {a: {exact: b}}}]}}"} {
		spec, _, err := Merge(Layer{From: "p", Spec: specOf(t, text)})
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := Merge(Layer{From: "status", Spec: spec})
		if differences := Differences(spec, again); err != nil || len(differences) > 0 {
			t.Errorf("%s: %v differ, %v", text, differences, err)
		}
	}
}

// TestTheGuardIsOnByDefault says for each kind of policy who judges, which checks are made, and which steps there are.
func TestTheGuardIsOnByDefault(t *testing.T) {
	const ladder, equal = true, false
	for name, c := range map[string]struct {
		spec                  string
		guard, ladder, alone  bool
		checks                int
		earlyAdvance, advised bool
	}{
		"nothing is set":              {"{}", true, ladder, true, 0, true, false},
		"steps of the user's":         {"{analysis: {stepWeights: [5, 50]}}", true, equal, true, 0, false, false},
		"steps that may end early":    {"{analysis: {stepWeight: 5, guard: {earlyAdvance: true}}}", true, equal, true, 0, true, false},
		"a check of the user's":       {"{analysis: {metrics: [{name: x, query: y, thresholdRange: {max: 1}}]}}", true, ladder, false, 1, true, false},
		"a threshold and an interval": {"{analysis: {threshold: 3, interval: 1m, minRequests: 5}}", true, ladder, true, 0, true, false},
		"the guard is off":            {"{analysis: {guard: {enabled: false}}}", false, equal, false, 2, false, false},
		"no traffic":                  {"{traffic: None}", false, equal, false, 2, false, false},
		"no traffic, but the guard":   {"{traffic: None, analysis: {guard: {enabled: true}}}", true, equal, true, 0, false, true},
		"no traffic, but an alpha":    {"{traffic: None, analysis: {guard: {alpha: 0.1}}}", false, equal, false, 2, false, true},
		"no traffic, but counters": {"{traffic: None, analysis: {metrics: [{name: x, bad: 'b{pod=~\"{{ target }}-.*\"}', total: 't{pod=~\"{{ target }}-.*\"}'}]}}",
			true, equal, true, 1, false, false},
		"an alpha without the guard": {"{analysis: {guard: {enabled: false, alpha: 0.1}}}", false, equal, false, 2, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			effective, errs := EffectiveOf(Settings{}, Layer{From: "p", Spec: specOf(t, c.spec)})
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			g := effective.Policy.Guard
			if g.Enabled != c.guard || g.Ladder != c.ladder || g.Alone != c.alone || g.EarlyAdvance != c.earlyAdvance || len(effective.Spec.Analysis.Metrics) != c.checks {
				t.Errorf("got %+v and %d checks", g, len(effective.Spec.Analysis.Metrics))
			}
			if advice := EffectiveAdvice(effective.Spec, Own{}); len(advice) > 0 != c.advised {
				t.Errorf("the advice is %v", advice)
			}
		})
	}
}

func TestAnnotationsThatAreNewWithPolicies(t *testing.T) {
	for name, c := range map[string]struct{ key, value, path, want, wrong string }{
		"weights":                           {config.AnnotationStepWeights, "0.5, 1,25", "analysis.stepWeights", "[0.5,1,25]", ""},
		"weights with durations":            {config.AnnotationStepWeights, "1@10m,25", "analysis.steps", `[{"duration":"10m0s","weight":1},{"weight":25}]`, ""},
		"any of several matches":            {config.AnnotationMatch, "x-canary=true, cookie:type=insider,query:beta=1", "analysis.match", `[{"headers":{"x-canary":{"exact":"true"}}},{"cookies":{"type":{"exact":"insider"}}},{"queryParams":{"beta":{"exact":"1"}}}]`, ""},
		"traffic in any case":               {config.AnnotationTraffic, "None", "traffic", `"None"`, ""},
		"a weight of a hundredth":           {config.AnnotationStepWeight, "0.01", "analysis.stepWeight", "0.01", ""},
		"replicas as a percentage":          {config.AnnotationCanaryReplicas, "30%", "canary.replicas", `"30%"`, ""},
		"routes":                            {config.AnnotationRoutes, "a,GRPCRoute/b", "service.routes", `["a","GRPCRoute/b"]`, ""},
		"a weight that is too fine":         {config.AnnotationStepWeight, "0.015", "", "", "with at most two decimals"},
		"weights that fall":                 {config.AnnotationStepWeights, "5,1", "", "", "rising"},
		"a step that is too short":          {config.AnnotationStepWeights, "5@1ms", "", "", "at least 1s"},
		"a match of nothing":                {config.AnnotationMatch, "x-canary", "", "", "header=value"},
		"a match of something unknown":      {config.AnnotationMatch, "body:a=b", "", "", "header=value"},
		"a group that is no name":           {config.AnnotationGroup, "Check Out", "", "", "must be a name such as checkout"},
		"a policy that is no name":          {config.AnnotationPolicy, "a/b", "", "", "must be the name of a CanaryPolicy"},
		"a deadline of years":               {config.AnnotationProgressDeadline, "99999h", "", "", "from 1s to 8760h"},
		"a moment of unavailability":        {config.AnnotationUnavailableAfter, "29s", "", "", "from 30s to 8760h"},
		"a second without a unit":           {config.AnnotationUnavailableAfter, "1", "", "", "from 30s to 8760h"},
		"the shortest unavailability":       {config.AnnotationUnavailableAfter, "30s", "unavailableAfterSeconds", "30", ""},
		"a route of another kind":           {config.AnnotationRoutes, "TCPRoute/a", "", "", "HTTPRoute/name"},
		"a header with a space":             {config.AnnotationMatch, "x canary=true", "", "", "header=value"},
		"iterations below 0":                {config.AnnotationIterations, "-1", "", "", "from 0 to 500"},
		"a cohort of something else":        {config.AnnotationCohort, "Cart!", "", "", "must be the name of a Service"},
		"a traffic that is neither":         {config.AnnotationTraffic, "some", "", "", "routes, none"},
		"a delay that is less than no time": {config.AnnotationDelay, "-1s", "", "", "at least 0s"},
	} {
		t.Run(name, func(t *testing.T) {
			got, errs := SettingsOf(map[string]string{c.key: c.value})
			if c.wrong != "" {
				if len(errs) != 1 || !strings.Contains(errs[0].Error(), c.wrong) || errs[0].Field != "metadata.annotations["+c.key+"]" {
					t.Errorf("got %v, which does not say %q", errs, c.wrong)
				}
				return
			}
			value, _ := json.Marshal(Values(got.Spec)[c.path])
			if len(errs) > 0 || string(value) != c.want || got.layer().source(c.path) != fromAnnotation(c.key) {
				t.Errorf("got %s from %s, %v", value, got.layer().source(c.path), errs)
			}
		})
	}
}

func TestAnnotationsThatDoNotGoTogether(t *testing.T) {
	_, errs := SettingsOf(map[string]string{config.AnnotationStepWeights: "1,5@1m", config.AnnotationMaxWeight: "50"})
	if len(errs) != 1 || errs[0].Field != "metadata.annotations[sluice.dev/max-weight]" {
		t.Errorf("got %v", errs)
	}
	if _, errs = SettingsOf(map[string]string{config.AnnotationMirror: "true"}); len(errs) > 0 {
		t.Errorf("a policy may have the iterations for it: %v", errs)
	}
	// Nothing is said of the ladder, which nobody has chosen.
	if _, errs = For(map[string]string{config.AnnotationMirror: "true"}); len(errs) != 1 || errs[0].Field != "metadata.annotations[sluice.dev/mirror]" {
		t.Errorf("without a policy: %v", errs)
	}
}

func unmarshal(text string, spec *v1alpha1.PolicySpec) error {
	return yaml.Unmarshal([]byte(text), spec)
}
