package admission

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// pinnedBy are the ways in which a manifest with an image and a one-time request is applied.
var pinnedBy = map[string]func(stored map[string]any, image, key, value string) (map[string]any, Request){
	"client-side": func(stored map[string]any, image, key, value string) (map[string]any, Request) {
		manifest := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}},"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, key, value, image)
		return with(set(image, nil)(stored), map[string]string{key: value, corev1.LastAppliedConfigAnnotation: manifest}), applier
	},
	"server-side": func(stored map[string]any, image, key, value string) (map[string]any, Request) {
		object := with(set(image, nil)(stored), map[string]string{key: value})
		(&unstructured.Unstructured{Object: object}).SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "flux", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "apps/v1", FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(fmt.Sprintf(`{"f:metadata":{"f:annotations":{%q:{}}},"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{".":{},"f:name":{},"f:image":{}}}}}}}`, "f:"+key))}})
		return object, Request{User: "flux", Manager: "flux", Now: someone.Now}
	},
}

// TestARequestInAManifestAsksOnce applies manifests in which a request stays. It has its effect once, blocks no newer template, and
// does nothing to a candidate that it does not mean.
func TestARequestInAManifestAsksOnce(t *testing.T) {
	v2 := workload.Short(hashOf("v2"))
	type apply struct{ image, value, want string }
	type manifests struct {
		key   string
		stand map[string]string
		sent  []apply
	}
	held, failed := map[string]string{config.AnnotationCandidate: candidateOf("v2", "")}, map[string]string{config.AnnotationCandidate: candidateOf("v2", workload.MarkFailed)}
	for name, c := range map[string]manifests{
		"abort":                        {config.AnnotationAbort, held, []apply{{"v2", "true", "v1 holds v2aborted"}, {"v2", "true", "v1 holds v2aborted"}, {"v3", "true", "v1 holds v3"}, {"v3", "true", "v1 holds v3"}}},
		"abort by hash":                {config.AnnotationAbort, held, []apply{{"v2", v2, "v1 holds v2aborted"}, {"v3", v2, "v1 holds v3"}, {"v3", v2, "v1 holds v3"}, {"v4", v2, "v1 holds v4"}}},
		"abort by the hash of a newer": {config.AnnotationAbort, held, []apply{{"v2", v2, "v1 holds v2aborted"}, {"v3", v2, "v1 holds v3"}, {"v3", workload.Short(hashOf("v3")), "v1 holds v3aborted"}}},
		"abort by the hash of another": {config.AnnotationAbort, held, []apply{{"v3", "7c9e41d2", "v1 holds v3"}, {"v4", "7c9e41d3", "v1 holds v4"}}},
		"retry":                        {config.AnnotationRetry, failed, []apply{{"v2", "true", "v1 holds v2"}, {"v2", "true", "v1 holds v2"}}},
		"retry by the hash of another": {config.AnnotationRetry, failed, []apply{{"v3", "7c9e41d2", "v1 holds v3"}}},
		"reset":                        {config.AnnotationReset, held, []apply{{"v2", "true", "v1 holds v2"}, {"v2", "true", "v1 holds v2"}}},
		"reset by the hash of another": {config.AnnotationReset, held, []apply{{"v3", "7c9e41d2", "v1 holds v3"}, {"v4", "7c9e41d2", "v1 holds v4"}}},
	} {
		for way, manifest := range pinnedBy {
			t.Run(name+" "+way, func(t *testing.T) {
				stored := read(deployment("v1", c.stand))
				var since time.Time
				for i, sent := range c.sent {
					updated, by := manifest(stored, sent.image, c.key, sent.value)
					by.Now = someone.Now.Add(time.Duration(i+1) * time.Second)
					result, err := Render(stored, read(updated), by)
					if err != nil {
						t.Fatalf("apply %d: %v", i+1, err)
					}
					if got := outcome(t, result); got != sent.want {
						t.Fatalf("apply %d: got %s, not %s", i+1, got, sent.want)
					}
					candidate, _ := workload.CandidateOf(annotationsOf(result.Object))
					repeated := i > 0 && c.sent[i-1] == sent
					if warnings := strings.Join(result.Warnings, "\n"); repeated && (!strings.Contains(warnings, "remove it from the manifest") && candidate.InFlight() || !candidate.At.Equal(since)) {
						t.Errorf("apply %d, which repeats the one before, says %q, and the candidate is of %v, not %v", i+1, warnings, candidate.At, since)
					}
					if stored = read(result.Object); candidate != nil {
						since = candidate.At
					}
				}
			})
		}
	}
}

// TestARequestBesideAManifestIsNew asks by hand for what a manifest has asked for before.
func TestARequestBesideAManifestIsNew(t *testing.T) {
	stored := read(deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("v2", "")}))
	updated, by := pinnedBy["client-side"](stored, "v2", config.AnnotationAbort, "true")
	for _, key := range []string{config.AnnotationAbort, config.AnnotationRetry, config.AnnotationAbort} {
		result, err := Render(stored, read(updated), by)
		if err != nil {
			t.Fatal(err)
		}
		stored = read(result.Object)
		candidate, _ := workload.CandidateOf(annotationsOf(stored))
		if aborts := key == config.AnnotationAbort; aborts != (candidate.Mark == workload.MarkAborted) {
			t.Errorf("after %s the mark is %q; kubectl says %v", key, candidate.Mark, result.Warnings)
		}
		next := config.AnnotationRetry
		if key == next {
			next = config.AnnotationAbort
		}
		updated, by = with(stored, map[string]string{next: "true"}), someone
	}
}

// TestARequestOnItsOwnForAnotherCandidateIsRefused holds that a hash which somebody has mistyped is no silent success.
func TestARequestOnItsOwnForAnotherCandidateIsRefused(t *testing.T) {
	stored := deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("v2", "")})
	for _, key := range []string{config.AnnotationAbort, config.AnnotationReset} {
		if _, err := Render(stored, with(stored, map[string]string{key: "7c9e41d2"}), someone); err == nil {
			t.Errorf("%s passes", key)
		}
	}
}
