package admission

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	policies "sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

// strange are values that a route or a Service may not have, or that are at a bound.
var (
	strangeTexts   = []string{"", "a b", "é", "UPPER", "/x", "*", "x", "/a/../b", "//", "/a?b", "/%2f", "a_b", "a:b", "200", "503", "1h", "99999h", strings.Repeat("a", 300), strings.Repeat("/a", 600), strings.Repeat(".", 2500)}
	strangeNumbers = []any{float64(0), float64(-1), float64(100), float64(101), float64(1 << 31)}
	strangeKeys    = []string{"a b", "é", "", ":path", "Cookie", strings.Repeat("a", 300)}
)

// TestWhatIsAcceptedMakesARoute changes each value of the policies that describe a Service and a route. If the policy is accepted, the
// API server must accept what is made of it: a policy that passes every check and makes nothing would hold rollouts for ever.
func TestWhatIsAcceptedMakesARoute(t *testing.T) {
	c := newCluster(t)
	files, err := filepath.Glob("../../rollout/testdata/fields/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	flaggers, _ := filepath.Glob("testdata/flagger-*.yaml")
	for _, file := range append(files, flaggers...) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var spec map[string]any
		if err := yaml.Unmarshal(content, &spec); err != nil {
			t.Fatal(err)
		}
		service, _ := spec["service"].(map[string]any)
		if service["gatewayRefs"] == nil {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			c := c.in(t)
			if !c.makes(service) {
				t.Error("the policy itself is not accepted")
			}
			accepted := 0
			for _, other := range strangers(service) {
				if c.makes(other.(map[string]any)) {
					accepted++
				}
			}
			if accepted == 0 {
				t.Error("no change is accepted")
			}
		})
	}
}

// makes reports whether a service section is accepted, and fails if nothing can be made of it then.
func (c cluster) makes(service map[string]any) bool {
	content, err := json.Marshal(map[string]any{"service": service})
	if err != nil {
		c.T.Fatal(err)
	}
	var spec v1alpha1.PolicySpec
	if yaml.UnmarshalStrict(content, &spec) != nil || spec.Service == nil || len(policies.Validate(spec)) > 0 {
		return false
	}
	var objects []client.Object
	if made, errs := route.Generate(c.Namespace, "front", 80, *spec.Service); len(errs) > 0 {
		c.T.Errorf("no route is made of %s: %v", content, errs.ToAggregate())
	} else {
		objects = append(objects, made)
	}
	if spec.Service.Port != nil {
		primary := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace}, Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "podinfo"}}}}
		objects = append(objects, workload.MakeService("front", primary, *spec.Service))
	}
	for _, object := range objects {
		err := server.Client.Create(c.T.Context(), object, client.DryRunAll)
		if err == nil {
			continue
		}
		own := &v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: "strange"}, Spec: spec}
		if refused := server.Client.Create(c.T.Context(), own, client.DryRunAll); apierrors.IsInvalid(refused) {
			return false
		}
		c.T.Errorf("%T of %.600s: %.600s", object, content, err)
	}
	return true
}

// strangers are copies of a value with one strange value each.
func strangers(value any) []any {
	var all []any
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			for _, other := range append(strangers(value[key]), nil) {
				copied := maps.Clone(value)
				if copied[key] = other; other == nil {
					delete(copied, key)
				}
				all = append(all, copied)
			}
		}
		for _, key := range strangeKeys {
			copied := maps.Clone(value)
			copied[key] = "x"
			all = append(all, copied)
		}
	case []any:
		for i := range value {
			for _, other := range strangers(value[i]) {
				copied := slices.Clone(value)
				copied[i] = other
				all = append(all, copied)
			}
			all = append(all, append(slices.Clone(value), value[i]))
		}
		all = append(all, append(slices.Clone(value), slices.Repeat(value, 40)...))
	case string:
		for _, text := range strangeTexts {
			all = append(all, text)
		}
	case float64:
		return strangeNumbers
	case bool:
		all = append(all, !value)
	}
	return all
}
