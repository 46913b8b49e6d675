package admission

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
)

const stated = `[{"deployment":"podinfo","primary":"podinfo","canary":"podinfo-canary","weight":30}]`

// httpRoute returns a route with one rule, as decoded JSON. References are "service=weight".
func httpRoute(split string, refs ...string) map[string]any {
	var backends []any
	for _, ref := range refs {
		name, weight, _ := strings.Cut(ref, "=")
		var number int64
		_, _ = fmt.Sscan(weight, &number)
		backends = append(backends, map[string]any{"name": name, "port": int64(80), "weight": number})
	}
	metadata := map[string]any{"name": "podinfo", "namespace": "test"}
	if split != "" {
		metadata["annotations"] = map[string]any{config.AnnotationSplit: split}
	}
	return map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata,
		"spec": map[string]any{"rules": []any{map[string]any{"backendRefs": backends}}},
	}
}

func weightsOf(t *testing.T, object map[string]any) string {
	t.Helper()
	rules, _, err := unstructured.NestedSlice(object, "spec", "rules")
	if err != nil {
		t.Fatal(err)
	}
	var refs []string
	for _, ref := range rules[0].(map[string]any)["backendRefs"].([]any) {
		fields := ref.(map[string]any)
		refs = append(refs, fmt.Sprintf("%s=%d", fields["name"], fields["weight"]))
	}
	if split, ok := (&unstructured.Unstructured{Object: object}).GetAnnotations()[config.AnnotationSplit]; ok {
		refs = append(refs, split[strings.Index(split, `"weight"`):])
	}
	return strings.Join(refs, " ")
}

func TestRenderRoute(t *testing.T) {
	plain := httpRoute("", "podinfo=1")
	split := render(t, plain, httpRoute(stated, "podinfo=1"), sluice).Object
	for name, c := range map[string]struct {
		old, updated map[string]any
		by           Request
		want         string
		warning      string
		wrong        string
	}{
		"the reconciler states a split":         {old: plain, updated: httpRoute(stated, "podinfo=1"), by: sluice, want: `podinfo=70 podinfo-canary=30 "weight":30,"scale":100}]`},
		"the reconciler ends it":                {old: split, updated: without(split), by: sluice, want: "podinfo=1"},
		"the user's rules come without a split": {old: split, updated: plain, by: someone, want: `podinfo=70 podinfo-canary=30 "weight":30,"scale":100}]`},
		"the user brings an earlier split":      {old: split, updated: httpRoute(strings.Replace(stated, "30", "5", 1), "podinfo=1"), by: someone, want: `podinfo=70 podinfo-canary=30 "weight":30,"scale":100}]`},
		"the user edits a rendered weight": {old: split, updated: httpRoute(stated, "podinfo=170", "podinfo-canary=30"), by: someone, want: `podinfo=140 podinfo-canary=60 "weight":30,"scale":100}]`,
			warning: "30% still go to the canary; to take them all away: kubectl sluice abort podinfo -n test"},
		"the user takes all requests away by hand": {old: split, updated: httpRoute(stated, "podinfo=100", "podinfo-canary=0"), by: someone, want: `podinfo=70 podinfo-canary=30 "weight":30,"scale":100}]`,
			warning: "kubectl sluice abort podinfo -n test"},
		"anybody else who states a split":          {old: plain, updated: httpRoute(stated, "podinfo=1"), by: someone, wrong: "metadata.annotations[sluice.dev/split]: only Sluice itself may set it, not jane"},
		"a split that cannot be read":              {old: plain, updated: httpRoute("{", "podinfo=1"), by: sluice, wrong: "must be JSON"},
		"a new route from a backup":                {updated: split, by: someone, want: "podinfo=1", warning: "the split of an earlier rollout"},
		"a new route":                              {updated: plain, by: someone, want: "podinfo=1"},
		"a new route with a split nobody can read": {updated: httpRoute("{", "podinfo=1"), by: someone, wrong: "leave it out"},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := RenderRoute(c.old, c.updated, c.by)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("got %v, not %q", err, c.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := weightsOf(t, result.Object); got != c.want {
				t.Errorf("got %s, not %s", got, c.want)
			}
			if warnings := strings.Join(result.Warnings, " "); !strings.Contains(warnings, c.warning) || c.warning == "" && warnings != "" {
				t.Errorf("the warnings are %q", warnings)
			}
		})
	}
}

// TestRenderRouteOfTwoDeployments checks that what one rollout or the user writes keeps the split of the other rollout.
func TestRenderRouteOfTwoDeployments(t *testing.T) {
	split := func(deployment string, weight int) string {
		return fmt.Sprintf(`{"deployment":%q,"primary":%q,"canary":"%s-canary","weight":%d}`, deployment, deployment, deployment, weight)
	}
	plain := httpRoute("", "api=1", "podinfo=1")
	one := render(t, plain, httpRoute("["+split("podinfo", 30)+"]", "api=1", "podinfo=1"), sluice).Object
	both := render(t, one, stating(one, "["+split("podinfo", 30)+","+split("api", 10)+"]"), sluice).Object
	const want = "api=90 api-canary=10 podinfo=70 podinfo-canary=30"
	for name, c := range map[string]struct {
		updated map[string]any
		by      Request
		want    string
	}{
		"the other rollout states its split":  {both, sluice, want},
		"the user applies the manifest again": {plain, someone, want},
		"the user adds a backend":             {httpRoute("", "api=1", "podinfo=1", "audit=2"), someone, want + " audit=200"},
		"the first rollout ends":              {stating(both, "["+split("api", 10)+"]"), sluice, "api=90 api-canary=10 podinfo=100"},
		"the second rollout ends":             {stating(both, "["+split("podinfo", 30)+"]"), sluice, "api=100 podinfo=70 podinfo-canary=30"},
		"both end":                            {without(both), sluice, "api=1 podinfo=1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := weightsOf(t, render(t, both, c.updated, c.by).Object)
			if weights, _, _ := strings.Cut(got, ` "weight"`); weights != c.want {
				t.Errorf("got %s", got)
			}
		})
	}
	if _, err := RenderRoute(one, stating(one, "["+split("podinfo", 30)+","+strings.Replace(split("api", 10), `"primary":"api"`, `"primary":"podinfo"`, 1)+"]"), sluice); err == nil ||
		!strings.Contains(err.Error(), "both share the requests for Service podinfo") {
		t.Errorf("two splits of one Service: %v", err)
	}
}

func stating(object map[string]any, split string) map[string]any {
	updated := (&unstructured.Unstructured{Object: object}).DeepCopy()
	updated.SetAnnotations(map[string]string{config.AnnotationSplit: split})
	return updated.Object
}

func TestRenderRouteWithMoreThanWeights(t *testing.T) {
	plain := httpRoute("", "podinfo=1")
	plain["kind"] = "GRPCRoute"
	cohorts := (&unstructured.Unstructured{Object: plain}).DeepCopy()
	cohorts.SetAnnotations(map[string]string{config.AnnotationCohorts: `[{"deployment":"web","header":"x","value":"web","primary":"podinfo","to":"podinfo-canary"}]`})
	if _, err := RenderRoute(plain, cohorts.Object, someone); err == nil || !strings.Contains(err.Error(), "metadata.annotations[sluice.dev/cohorts]: only Sluice itself may set it, not jane") {
		t.Errorf("forged cohorts: %v", err)
	}
	stored := render(t, plain, cohorts.Object, sluice).Object
	if again := render(t, stored, plain, someone); !cmp.Equal(again.Object, stored) || len(again.Warnings) > 0 {
		t.Errorf("the user's manifest: %v %v", again.Warnings, again.Object)
	}
	edited := (&unstructured.Unstructured{Object: stored}).DeepCopy()
	rules, _, _ := unstructured.NestedSlice(edited.Object, "spec", "rules")
	rules[0].(map[string]any)["timeouts"] = map[string]any{"request": "1s"}
	_ = unstructured.SetNestedSlice(edited.Object, rules, "spec", "rules")
	if again := render(t, stored, edited.Object, someone); !cmp.Equal(again.Object, stored) || !strings.Contains(strings.Join(again.Warnings, " "), "spec.rules[0] (sluice-cohort-0-0): Sluice derives this rule") {
		t.Errorf("an edit in vain: %v %v", again.Warnings, again.Object)
	}
	if ended := render(t, stored, without(stored), sluice); !cmp.Equal(ended.Object, plain) {
		t.Errorf("the end: %v", ended.Object)
	}
	restored, err := RenderRoute(nil, stored, someone)
	if err != nil || !cmp.Equal(restored.Object, plain) || len(restored.Warnings) != 1 {
		t.Errorf("from a backup: %v %v %v", err, restored.Warnings, restored.Object)
	}
}

func render(t *testing.T, old, updated map[string]any, by Request) Result {
	t.Helper()
	result, err := RenderRoute(old, updated, by)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func without(object map[string]any) map[string]any {
	rest := (&unstructured.Unstructured{Object: object}).DeepCopy()
	rest.SetAnnotations(nil)
	return rest.Object
}

// foreign returns what Render does not own in a route: everything except its annotations, the rules that it adds, and the
// backends and filters of rules.
func foreign(object map[string]any) map[string]any {
	rest := (&unstructured.Unstructured{Object: object}).DeepCopy()
	annotations := rest.GetAnnotations()
	delete(annotations, config.AnnotationSplit)
	delete(annotations, config.AnnotationCohorts)
	rest.SetAnnotations(annotations)
	if len(annotations) == 0 {
		rest.SetAnnotations(nil)
	}
	if metadata, ok := rest.Object["metadata"].(map[string]any); ok && len(metadata) == 0 {
		delete(rest.Object, "metadata")
	}
	rules, _, _ := unstructured.NestedSlice(rest.Object, "spec", "rules")
	rules = slices.DeleteFunc(rules, func(rule any) bool {
		fields, _ := rule.(map[string]any)
		name, _ := fields["name"].(string)
		delete(fields, "backendRefs")
		delete(fields, "filters")
		return strings.HasPrefix(name, "sluice-")
	})
	if rules != nil {
		_ = unstructured.SetNestedSlice(rest.Object, rules, "spec", "rules")
	}
	return rest.Object
}

func FuzzRenderRoute(f *testing.F) {
	plain, _ := json.Marshal(httpRoute("", "podinfo=1", "other=3"))
	split, _ := json.Marshal(httpRoute(stated, "podinfo=7", "podinfo=3"))
	rendered, _ := json.Marshal(httpRoute(stated, "podinfo=70", "podinfo-canary=30"))
	f.Add(string(plain), string(split), true)
	f.Add(string(rendered), string(plain), false)
	f.Add(string(rendered), string(plain), true)
	f.Add(string(split), string(rendered), false)
	f.Add("", string(rendered), false)
	f.Fuzz(func(t *testing.T, oldJSON, newJSON string, reconciler bool) {
		var before map[string]any
		var err error
		if oldJSON != "" {
			if before, err = decodeNumbers([]byte(oldJSON)); err != nil {
				return
			}
		}
		after, err := decodeNumbers([]byte(newJSON))
		if err != nil {
			return
		}
		request := Request{User: "jane", Reconciler: reconciler, Now: someone.Now}
		input := fmt.Sprint(before, after)
		result, err := RenderRoute(before, after, request)
		if fmt.Sprint(before, after) != input {
			t.Fatal("the input was changed")
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(foreign(after), foreign(result.Object)); diff != "" {
			t.Errorf("something that is not ours was changed: %s", diff)
		}
		again, err := RenderRoute(result.Object, result.Object, Request{User: "jane", Now: someone.Now})
		if err != nil {
			t.Fatalf("the stored result is refused: %v", err)
		}
		if diff := cmp.Diff(result.Object, again.Object); diff != "" {
			t.Errorf("the stored result submitted again changes: %s", diff)
		}
	})
}
