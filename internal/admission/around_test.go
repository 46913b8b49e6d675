package admission

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// sized returns a Deployment with four replicas, and other fields of the spec; nil removes one.
func sized(image string, spec map[string]any, annotations map[string]string) map[string]any {
	object := scaled(deployment(image, annotations), 4)
	for field, value := range spec {
		specOf(object)[field] = value
		if value == nil {
			delete(specOf(object), field)
		}
	}
	return object
}

func TestWhatIsHeldAroundATemplateIsWarnedOf(t *testing.T) {
	hash := workload.Short(hashOf("v2"))
	for name, c := range map[string]struct {
		asked map[string]any
		image string
		want  []string
	}{
		"nothing else": {image: "v2"},
		"fewer replicas": {asked: map[string]any{"replicas": int64(2)}, image: "v2", want: []string{"podinfo: spec.replicas is held back with it: 4 replicas stay until " + hash +
			" is promoted, and become 2 then; to scale at once: kubectl scale deployment podinfo -n test --replicas=2"}},
		"more replicas": {asked: map[string]any{"replicas": int64(10)}, image: "v2"},
		"no replicas are the default": {asked: map[string]any{"replicas": nil}, image: "v2", want: []string{"podinfo: spec.replicas is held back with it: 4 replicas stay until " + hash +
			" is promoted, and become 1 then; to scale at once: kubectl scale deployment podinfo -n test --replicas=1"}},
		"how it rolls": {asked: map[string]any{"strategy": map[string]any{"type": "Recreate"}, "minReadySeconds": int64(5)}, image: "v2",
			want: []string{"podinfo: held back until " + hash + " is promoted: spec.minReadySeconds, spec.strategy"}},
		"a request to Sluice":       {asked: map[string]any{"paused": true}, image: "v2", want: []string{"podinfo: only the template is held back; in effect at once: spec.paused"}},
		"fields without a template": {asked: map[string]any{"replicas": int64(2)}, image: "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Render(sized("v1", nil, nil), sized(c.image, c.asked, nil), someone)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, warning := range result.Warnings {
				if !strings.Contains(warning, HeldBack) && !strings.Contains(warning, "stop it with") {
					got = append(got, warning)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// request is one request in a row of several, which sees what the one before has stored.
type request struct {
	by   Request
	make func(stored map[string]any) map[string]any
	// want is what is stored: the image, the replicas, minReadySeconds if there are any, and what the candidate holds.
	want string
}

// stand describes an object in the way of request.want.
func stand(t *testing.T, object map[string]any) string {
	t.Helper()
	spec := specOf(object)
	text := fmt.Sprintf("%s x%d", imageOf(object), count(spec["replicas"]))
	if seconds, has := spec["minReadySeconds"]; has {
		text += fmt.Sprintf(" after %vs", seconds)
	}
	candidate, err := workload.CandidateOf(annotationsOf(object))
	if err != nil {
		t.Fatal(err)
	}
	if candidate == nil {
		return text
	}
	text += " holds " + imageOf(deploymentWith(candidate.Template)) + string(candidate.Mark)
	if change, has := candidate.Around["replicas"]; has {
		text += fmt.Sprintf(" x%d->%d", count(change.From), count(change.To))
	}
	if change, has := candidate.Around["minReadySeconds"]; has {
		text += fmt.Sprintf(" after %v->%v", change.From, change.To)
	}
	return text
}

// set patches the image, unless it is empty, and fields of the spec.
func set(image string, spec map[string]any) func(map[string]any) map[string]any {
	return func(stored map[string]any) map[string]any {
		object := copied(stored)
		if image != "" {
			template := specOf(withImage(object, image))["template"].(map[string]any)
			specOf(object)["template"].(map[string]any)["spec"] = template["spec"]
		}
		maps.Copy(specOf(object), spec)
		return object
	}
}

// noted sets an annotation on what a request makes.
func noted(key, value string, make func(map[string]any) map[string]any) func(map[string]any) map[string]any {
	return func(stored map[string]any) map[string]any { return with(make(stored), map[string]string{key: value}) }
}

// fluxed applies a manifest server-side with an image and, unless negative, replicas.
func fluxed(image string, replicas int64) request {
	owned, fields := "", map[string]any{}
	if replicas >= 0 {
		owned, fields["replicas"] = `"f:replicas":{},`, replicas
	}
	return request{by: Request{User: "flux", Manager: "flux", Now: someone.Now}, make: func(stored map[string]any) map[string]any {
		object := set(image, fields)(stored)
		(&unstructured.Unstructured{Object: object}).SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "flux", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "apps/v1", FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(`{"f:spec":{` + owned + `"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{".":{},"f:name":{},"f:image":{}}}}}}}`)}})
		return object
	}}
}

func (r request) stores(want string) request { r.want = want; return r }

// kubectlApplied applies a manifest client-side: kubectl sends what differs from the stored object.
func kubectlApplied(image string, replicas int64) request {
	manifest := fmt.Sprintf(`{"spec":{"replicas":%d,"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, replicas, image)
	return request{by: applier, make: noted(corev1.LastAppliedConfigAnnotation, manifest, set(image, map[string]any{"replicas": replicas}))}
}

func patched(image string, spec map[string]any) request {
	return request{by: someone, make: set(image, spec)}
}

func asked(key, value string) request {
	return request{by: someone, make: noted(key, value, set("", nil))}
}

// orderOf is an order of the reconciler about what is stored.
func orderOf(key, rest string) request {
	return request{by: sluice, make: func(stored map[string]any) map[string]any {
		id := workload.ID{}
		if candidate, _ := workload.CandidateOf(annotationsOf(stored)); candidate != nil {
			id = candidate.ID()
		}
		if previous, _ := workload.PreviousOf(annotationsOf(stored)); previous != nil && key != config.AnnotationPromote {
			id = previous.ID()
		}
		return with(stored, map[string]string{key: strings.TrimSpace(id.String() + " " + rest)})
	}}
}

func TestWhatIsHeldAroundATemplateGoesWithIt(t *testing.T) {
	two, five := map[string]any{"replicas": int64(2)}, map[string]any{"minReadySeconds": int64(5)}
	both := map[string]any{"replicas": int64(2), "minReadySeconds": int64(5)}
	promote, restore := orderOf(config.AnnotationPromote, ""), orderOf(config.AnnotationRestore, "")
	for name, requests := range map[string][]request{
		"promoted": {patched("v2", both).stores("v1 x4 holds v2 x4->2 after <nil>->5"), promote.stores("v2 x2 after 5s")},
		"promoted and restored": {patched("v2", both).stores("v1 x4 holds v2 x4->2 after <nil>->5"), promote.stores("v2 x2 after 5s"),
			restore.stores("v1 x4 holds v2failed x4->2 after <nil>->5")},
		"a newer one that was requested after the promotion": {patched("v2", both).stores("v1 x4 holds v2 x4->2 after <nil>->5"), promote.stores("v2 x2 after 5s"),
			patched("v3", nil).stores("v2 x2 after 5s holds v3"), restore.stores("v1 x4 holds v3 x4->2 after <nil>->5"), promote.stores("v3 x2 after 5s")},
		"a newer one with fewer replicas": {patched("v2", map[string]any{"replicas": int64(3)}).stores("v1 x4 holds v2 x4->3"), promote.stores("v2 x3"),
			patched("v3", two).stores("v2 x3 holds v3 x3->2"), restore.stores("v1 x4 holds v3 x4->2")},
		"an autoscaler scales it": {patched("v2", both).stores("v1 x4 holds v2 x4->2 after <nil>->5"), orderOf(config.AnnotationPromote, "replicas").stores("v2 x4 after 5s")},
		"scaled in flight":        {patched("v2", both).stores("v1 x4 holds v2 x4->2 after <nil>->5"), patched("", map[string]any{"replicas": int64(9)}).stores("v1 x9 holds v2 x4->2 after <nil>->5"), promote.stores("v2 x9 after 5s")},
		"scaled down in flight":   {patched("v2", nil).stores("v1 x4 holds v2"), patched("", two).stores("v1 x2 holds v2"), promote.stores("v2 x2")},
		"a patch on top":          {patched("v2", two).stores("v1 x4 holds v2 x4->2"), patched("v3", five).stores("v1 x4 holds v3 x4->2 after <nil>->5"), promote.stores("v3 x2 after 5s")},
		"more replicas on top":    {patched("v2", two).stores("v1 x4 holds v2 x4->2"), patched("v3", map[string]any{"replicas": int64(6)}).stores("v1 x6 holds v3"), promote.stores("v3 x6")},
		"the same manifest again, server-side": {fluxed("v2", 2).stores("v1 x4 holds v2 x4->2"), fluxed("v2", 2).stores("v1 x4 holds v2 x4->2"), promote.stores("v2 x2"),
			fluxed("v2", 2).stores("v2 x2"), fluxed("v2", 1).stores("v2 x1")},
		"the same manifest again, client-side": {kubectlApplied("v2", 2).stores("v1 x4 holds v2 x4->2"), kubectlApplied("v2", 2).stores("v1 x4 holds v2 x4->2"), promote.stores("v2 x2"),
			kubectlApplied("v2", 2).stores("v2 x2")},
		"the manifest says otherwise now":       {fluxed("v2", 2).stores("v1 x4 holds v2 x4->2"), fluxed("v2", 3).stores("v1 x4 holds v2 x4->3"), fluxed("v2", 4).stores("v1 x4 holds v2")},
		"a manifest that leaves them to others": {fluxed("v2", 2).stores("v1 x4 holds v2 x4->2"), fluxed("v3", -1).stores("v1 x4 holds v3 x4->2")},
		"a newer manifest, client-side":         {kubectlApplied("v2", 2).stores("v1 x4 holds v2 x4->2"), kubectlApplied("v3", 4).stores("v1 x4 holds v3")},
		"the manifest of the primary":           {fluxed("v2", 2).stores("v1 x4 holds v2 x4->2"), fluxed("v1", 2).stores("v1 x2")},
		"a manifest that failed, again": {fluxed("v2", 2).stores("v1 x4 holds v2 x4->2"), orderOf(config.AnnotationFail, "").stores("v1 x4 holds v2failed x4->2"),
			fluxed("v2", 2).stores("v1 x4 holds v2failed x4->2"), patched("", two).stores("v1 x2 holds v2failed x4->2")},
		"a change after a failure": {patched("v2", two).stores("v1 x4 holds v2 x4->2"), orderOf(config.AnnotationFail, "").stores("v1 x4 holds v2failed x4->2"), patched("v3", nil).stores("v1 x4 holds v3")},
		"aborted and retried": {patched("v2", two).stores("v1 x4 holds v2 x4->2"), asked(config.AnnotationAbort, "true").stores("v1 x4 holds v2aborted x4->2"),
			asked(config.AnnotationRetry, "true").stores("v1 x4 holds v2 x4->2"), promote.stores("v2 x2")},
		"reset":                   {patched("v2", two).stores("v1 x4 holds v2 x4->2"), asked(config.AnnotationReset, "true").stores("v1 x4"), fluxed("v2", 2).stores("v1 x4 holds v2 x4->2")},
		"opted out, in and later": {patched("v2", two).stores("v1 x4 holds v2 x4->2"), asked(config.AnnotationCanary, "false").stores("v1 x4 holds v2 x4->2"), asked(config.AnnotationCanary, "true").stores("v1 x4 holds v2 x4->2"), promote.stores("v2 x2")},
		"changed while opted out": {patched("v2", two).stores("v1 x4 holds v2 x4->2"), asked(config.AnnotationCanary, "false").stores("v1 x4 holds v2 x4->2"), patched("v3", nil).stores("v3 x2")},
		"bypassed": {patched("v2", two).stores("v1 x4 holds v2 x4->2"),
			request{someone, noted(config.AnnotationBypass, "2026-01-01T00:30:00Z; outage", set("v3", five)), "v3 x2 after 5s"}},
		"let through":        {patched("v2", both).stores("v1 x4 holds v2 x4->2 after <nil>->5"), orderOf(config.AnnotationLetThrough, "").stores("v2 x2 after 5s")},
		"scaled to 0":        {patched("v2", map[string]any{"replicas": int64(0)}).stores("v1 x4 holds v2 x4->0"), promote.stores("v2 x0")},
		"without a template": {patched("", both).stores("v1 x2 after 5s"), fluxed("v1", 1).stores("v1 x1 after 5s")},
	} {
		t.Run(name, func(t *testing.T) {
			stored := read(sized("v1", nil, nil))
			for i, r := range requests {
				by := r.by
				by.Now = someone.Now.Add(time.Duration(i) * time.Second)
				result, err := Render(stored, read(r.make(stored)), by)
				if err == nil {
					err = guard(stored, result.Object, by)
				}
				if err != nil {
					t.Fatalf("request %d: %v", i+1, err)
				}
				stored = read(result.Object)
				if got := stand(t, stored); got != r.want {
					t.Fatalf("request %d: %s, not %s", i+1, got, r.want)
				}
			}
		})
	}
}

func TestWhatTheAPIServerWouldRefuseAroundATemplateIsRefused(t *testing.T) {
	for says, spec := range map[string]map[string]any{
		`spec.strategy: Unsupported value: {"Type":"Never"`:                                      {"strategy": map[string]any{"type": "Never"}},
		"spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0":            {"minReadySeconds": int64(-1)},
		"spec.replicas: Invalid value: -1: must be greater than or equal to 0":                   {"replicas": int64(-1)},
		"spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds": {"minReadySeconds": int64(600)},
	} {
		old := selecting("v1", nil, nil)
		specOf(old)["progressDeadlineSeconds"] = int64(600)
		_, err := Render(old, set("v2", spec)(old), someone)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, not %s", err, says)
		}
	}
}

// TestTheCommandThatStopsACandidateIsNeverCut holds that a long name costs the alternative, not the command.
func TestTheCommandThatStopsACandidateIsNeverCut(t *testing.T) {
	long := strings.Repeat("n", 63)
	old, updated := deployment("v1", nil), deployment("v2", nil)
	for _, object := range []map[string]any{old, updated} {
		object["metadata"].(map[string]any)["name"], object["metadata"].(map[string]any)["namespace"] = long, long
	}
	result, err := Render(old, updated, someone)
	if err != nil {
		t.Fatal(err)
	}
	want := "kubectl sluice abort " + long + " -n " + long + " (setting"
	if warning := result.Warnings[1]; !strings.Contains(warning, want) || len(warning) > 256 {
		t.Errorf("the warning of %d bytes is %s", len(warning), warning)
	}
}
