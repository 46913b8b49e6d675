package admission

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

var someone = Request{User: "jane", Manager: "kubectl-set", Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}

// sluice is the reconciler.
var sluice = Request{User: "system:serviceaccount:sluice-system:sluice", Manager: config.FieldManager, Reconciler: true, Now: someone.Now}

// deployment returns an opted-in Deployment that serves, as decoded JSON.
func deployment(image string, annotations map[string]string) map[string]any {
	notes := map[string]any{config.AnnotationCanary: "true"}
	for key, value := range annotations {
		notes[key] = value
	}
	return map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "podinfo", "namespace": "test", "annotations": notes},
		"spec": map[string]any{"replicas": int64(1), "template": map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"app": "podinfo"}},
			"spec":     map[string]any{"containers": []any{map[string]any{"name": "app", "image": image}}},
		}},
		"status": map[string]any{"availableReplicas": int64(1)},
	}
}

func candidateOf(image string, mark workload.Mark) string {
	template, _ := templateOf(deployment(image, nil))
	text, _ := workload.Candidate{Hash: template.Hash(), Template: template, Mark: mark, At: someone.Now}.Encode()
	return text
}

func hashOf(image string) string {
	template, _ := templateOf(deployment(image, nil))
	return template.Hash()
}

// orderFor names the candidate, or what a promotion of it has replaced, as the reconciler does.
func orderFor(image string) string {
	return workload.ID{Hash: hashOf(image), At: someone.Now}.String()
}

func imageOf(object map[string]any) string {
	containers, _, _ := unstructured.NestedSlice(object, "spec", "template", "spec", "containers")
	image, _ := containers[0].(map[string]any)["image"].(string)
	return image
}

// outcome is the part of a result that matters: the stored image, and what is held back with its mark.
func outcome(t *testing.T, result Result) string {
	t.Helper()
	candidate, err := workload.CandidateOf((&unstructured.Unstructured{Object: result.Object}).GetAnnotations())
	if err != nil {
		t.Fatal(err)
	}
	text := imageOf(result.Object)
	if candidate != nil {
		text += " holds " + imageOf(deploymentWith(candidate.Template)) + string(candidate.Mark)
	}
	direct, err := lastDirect((&unstructured.Unstructured{Object: result.Object}).GetAnnotations())
	if err != nil {
		t.Fatal(err)
	}
	if direct != nil {
		text += " by " + string(direct.How)
	}
	return text
}

// scaled sets the number of replicas.
func scaled(object map[string]any, replicas int64) map[string]any {
	_ = unstructured.SetNestedField(object, replicas, "spec", "replicas")
	return object
}

// restart does what kubectl rollout restart does.
func restart(object map[string]any) map[string]any {
	_ = unstructured.SetNestedField(object, "2026-01-01T00:00:00Z", "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
	return object
}

// applier is a user who applies client-side.
var applier = Request{User: "jane", Manager: clientSideApply, Now: someone.Now}

// lastApplied is the manifest that kubectl apply records.
func lastApplied(image string) string {
	return fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, image)
}

// applied returns a Deployment to which a manifest with another image was applied while a candidate is kept.
func applied(image, inManifest, candidate, bypass string) map[string]any {
	annotations := map[string]string{config.AnnotationCandidate: candidate, corev1.LastAppliedConfigAnnotation: lastApplied(inManifest)}
	if bypass != "" {
		annotations[config.AnnotationBypass] = bypass
	}
	return deployment(image, annotations)
}

func TestRender(t *testing.T) {
	held, failed := candidateOf("v2", workload.MarkNone), candidateOf("v2", workload.MarkFailed)
	down := func(object map[string]any) map[string]any { object["status"] = map[string]any{}; return object }
	for name, c := range map[string]struct {
		old, new map[string]any
		by       *Request
		want     string
		warning  string
		wrong    string
	}{
		"a change is held back": {old: deployment("v1", nil), new: deployment("v2", nil), want: "v1 holds v2", warning: HeldBack},
		"nothing changes":       {old: deployment("v1", nil), new: deployment("v1", nil), want: "v1"},
		"a change in flight replaces the candidate": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v3", map[string]string{config.AnnotationCandidate: held}), want: "v1 holds v3", warning: "held back"},
		"the candidate is put back when it is removed": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}), new: deployment("v1", nil), want: "v1 holds v2"},
		"the candidate is put back when it is forged": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("evil", "")}), want: "v1 holds v2"},
		"a forged candidate without any is dropped": {old: deployment("v1", nil), new: deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("evil", "")}), want: "v1"},
		"a promotion puts the candidate in": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationCandidate: held, config.AnnotationPromote: orderFor("v2")}), by: &sluice, want: "v2"},
		"a promotion of another hash is refused": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationPromote: orderFor("v3")}), by: &sluice, wrong: "promote " + orderFor("v3") + ": the candidate is now " + orderFor("v2")},
		"a promotion of another attempt is refused": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationPromote: workload.ID{Hash: hashOf("v2"), Attempt: 1, At: someone.Now}.String()}), by: &sluice, wrong: "the candidate is now"},
		"a promotion of the same template, requested at another time, is refused": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationPromote: workload.ID{Hash: hashOf("v2"), At: someone.Now.Add(-time.Microsecond)}.String()}), by: &sluice, wrong: "the candidate is now"},
		"a promotion by the hash alone is refused": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationPromote: hashOf("v2")}), by: &sluice, wrong: "the candidate is now"},
		"the failure of another attempt marks nothing": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationFail: workload.ID{Hash: hashOf("v2"), Attempt: 1, At: someone.Now}.String()}), by: &sluice, want: "v1 holds v2"},
		"a promotion of a failed candidate is refused": {old: deployment("v1", map[string]string{config.AnnotationCandidate: failed}),
			new: deployment("v1", map[string]string{config.AnnotationPromote: orderFor("v2")}), by: &sluice, wrong: "no candidate in flight"},
		"a promotion without a candidate is refused":       {old: deployment("v1", nil), new: deployment("v1", map[string]string{config.AnnotationPromote: orderFor("v2")}), by: &sluice, wrong: "no candidate in flight"},
		"a restore without a previous template is refused": {old: deployment("v1", nil), new: deployment("v1", map[string]string{config.AnnotationRestore: "x"}), by: &sluice, wrong: "no such template"},
		"a failed candidate is marked": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationFail: orderFor("v2")}), by: &sluice, want: "v1 holds v2failed"},
		"a change after a failure starts from the primary": {old: deployment("v1", map[string]string{config.AnnotationCandidate: failed}), new: deployment("v3", nil), want: "v1 holds v3", warning: "held back"},
		"an abort without a candidate says so":             {old: deployment("v1", nil), new: deployment("v1", map[string]string{config.AnnotationAbort: "true"}), want: "v1", warning: "nothing to abort"},
		"a retry clears the mark": {old: deployment("v1", map[string]string{config.AnnotationCandidate: failed}),
			new: deployment("v1", map[string]string{config.AnnotationRetry: "true"}), want: "v1 holds v2"},
		"a status that shows no available replica proves nothing": {old: down(deployment("v1", nil)), new: deployment("v2", nil), want: "v1 holds v2", warning: "no replica of the primary is available; if that lasts"},
		"neither do replicas 0 in the same request":               {old: deployment("v1", nil), new: scaled(deployment("v2", nil), 0), want: "v1 holds v2", warning: HeldBack},
		"a Deployment at 0 replicas is held back, too": {old: scaled(down(deployment("v1", nil)), 0), new: scaled(deployment("v2", nil), 0), want: "v1 holds v2",
			warning: "the Deployment is scaled to 0, so this change rolls out directly"},
		"the reconciler lets the candidate through": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationCandidate: held, config.AnnotationLetThrough: orderFor("v2")}), by: &sluice, want: "v2 by unavailable"},
		"it lets no other candidate through": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationLetThrough: orderFor("v3")}), by: &sluice, wrong: "let through " + orderFor("v3") + ": the candidate is now " + orderFor("v2")},
		"it lets no failed candidate through": {old: deployment("v1", map[string]string{config.AnnotationCandidate: failed}),
			new: deployment("v1", map[string]string{config.AnnotationLetThrough: orderFor("v2")}), by: &sluice, wrong: "there is no candidate in flight"},
		"nobody else lets a candidate through": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationCandidate: held, config.AnnotationLetThrough: orderFor("v2")}), wrong: "only Sluice itself may set it, not jane"},
		"an abort by hash stops that candidate": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationAbort: hashOf("v2")}), want: "v1 holds v2aborted", warning: "aborted " + workload.Short(hashOf("v2")) + ";"},
		"an abort by the first digits of the hash does too": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationAbort: workload.Short(hashOf("v2"))}), want: "v1 holds v2aborted", warning: "aborted"},
		"an abort by too few digits is refused": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationAbort: hashOf("v2")[:7]}), wrong: "metadata.annotations[sluice.dev/abort]: Invalid value: \"" + hashOf("v2")[:7] + "\": must be \"true\", or the hash of the candidate or at least its first 8 digits"},
		"an abort by another hash is refused": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationAbort: "7c9e41d2"}), wrong: "the candidate is " + workload.Short(hashOf("v2")) + "; set \"true\" to mean it"},
		"an abort of another candidate by the reconciler does nothing": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationAbort: orderFor("v3") + " jane"}), by: &sluice, want: "v1 holds v2"},
		"a retry by another hash is refused": {old: deployment("v1", map[string]string{config.AnnotationCandidate: failed}),
			new: deployment("v1", map[string]string{config.AnnotationRetry: "7c9e41d2"}), wrong: "metadata.annotations[sluice.dev/retry]"},
		"a reset with the same template makes a new candidate": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v2", map[string]string{config.AnnotationReset: "true"}), want: "v1 holds v2", warning: "is forgotten"},
		"a candidate whose hash is another template's is dropped": {old: deployment("v1", map[string]string{config.AnnotationCandidate: strings.ReplaceAll(held, "v2", "v9")}),
			new: deployment("v1", nil), want: "v1", warning: "does not match the template"},
		"opting in with a change lets that change through": {old: deployment("v1", map[string]string{config.AnnotationCanary: "false"}), new: deployment("v2", nil), want: "v2 by opted-in", warning: "this request opts in and changes the pod template"},
		"opting out parks the candidate": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationCanary: "false"}), want: "v1 holds v2 by opted-out", warning: "opted out"},
		"a candidate nobody can read is dropped": {old: deployment("v1", map[string]string{config.AnnotationCandidate: "{"}), new: deployment("v1", nil), want: "v1", warning: "cannot be read"},
		"a promotion by anybody else is refused": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationPromote: orderFor("v2")}), wrong: "metadata.annotations[sluice.dev/promote]: only Sluice itself may set it, not jane"},
		"a promotion that was stored past admission asks for nothing": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held, config.AnnotationPromote: orderFor("v2")}),
			new: deployment("v1", map[string]string{config.AnnotationCandidate: held, config.AnnotationPromote: orderFor("v2")}), want: "v1 holds v2"},
		"a bypass lets the change through": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v3", map[string]string{config.AnnotationCandidate: held, config.AnnotationBypass: "2026-01-01T00:30:00Z; outage"}), want: "v3 by bypass", warning: "bypassed (outage)"},
		"a bypass whose time has passed does not": {old: deployment("v1", nil),
			new: deployment("v3", map[string]string{config.AnnotationBypass: "2025-12-31T23:59:59Z; outage"}), want: "v1 holds v3", warning: "has expired"},
		"a bypass more than an hour ahead does not": {old: deployment("v1", nil),
			new: deployment("v3", map[string]string{config.AnnotationBypass: "2026-01-01T01:00:01Z; outage"}), want: "v1 holds v3", warning: "held back"},
		"a bypass without a change of the template leaves the candidate alone": {old: deployment("v1", map[string]string{config.AnnotationCandidate: held}),
			new: deployment("v1", map[string]string{config.AnnotationCandidate: held, config.AnnotationBypass: "2026-01-01T00:30:00Z; outage"}), want: "v1 holds v2"},
		"a primary that serves nobody is judged where that is asked for": {old: down(deployment("v1", map[string]string{config.AnnotationWhenUnavailable: "canary"})),
			new: deployment("v2", map[string]string{config.AnnotationWhenUnavailable: "canary"}), want: "v1 holds v2", warning: "held back"},
		"a restart is held back like any change": {old: deployment("v1", nil), new: restart(deployment("v1", nil)), want: "v1 holds v1", warning: "held back"},
		"a restart goes through where that is asked for": {old: deployment("v1", map[string]string{config.AnnotationRestart: "direct"}),
			new: restart(deployment("v1", map[string]string{config.AnnotationRestart: "direct"})), want: "v1 by restart"},
		"a direct restart leaves the candidate in flight": {old: deployment("v1", map[string]string{config.AnnotationRestart: "direct", config.AnnotationCandidate: held}),
			new: restart(deployment("v1", map[string]string{config.AnnotationRestart: "direct", config.AnnotationCandidate: held})), want: "v1 holds v2 by restart"},
		"a restart with a new image is held back": {old: deployment("v1", map[string]string{config.AnnotationRestart: "direct"}),
			new: restart(deployment("v2", map[string]string{config.AnnotationRestart: "direct"})), want: "v1 holds v2", warning: "held back"},
		"a failed candidate is not let through by a tool that applies it for ever": {old: down(applied("v1", "v2", failed, "")), new: applied("v2", "v2", failed, ""),
			by: &applier, want: "v1 holds v2failed"},
		"nor under a bypass": {old: applied("v1", "v2", failed, ""), new: applied("v2", "v2", failed, "2026-01-01T00:30:00Z; outage"),
			by: &applier, want: "v1 holds v2failed", warning: "is marked as failed and does not roll out directly"},
		"another version is held back": {old: down(applied("v1", "v2", failed, "")), new: applied("v3", "v3", failed, ""),
			by: &applier, want: "v1 holds v3", warning: "no replica of the primary is available"},
		"no template is an error": {old: map[string]any{}, new: map[string]any{}, wrong: "spec.template"},
	} {
		t.Run(name, func(t *testing.T) {
			by := someone
			if c.by != nil {
				by = *c.by
			}
			result, err := Render(c.old, c.new, by)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("got %v, not %q", err, c.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := outcome(t, result); got != c.want {
				t.Errorf("got %s, not %s", got, c.want)
			}
			if warnings := strings.Join(result.Warnings, "\n"); !strings.Contains(warnings, c.warning) || c.warning == "" && warnings != "" {
				t.Errorf("the warnings are %q", warnings)
			}
			for key := range (&unstructured.Unstructured{Object: result.Object}).GetAnnotations() {
				if key == config.AnnotationPromote || key == config.AnnotationRestore || key == config.AnnotationFail || key == config.AnnotationAbort || key == config.AnnotationRetry {
					t.Errorf("annotation %s is stored", key)
				}
			}
		})
	}
}

// stripped returns an object without what Render owns.
func stripped(object map[string]any) map[string]any {
	rest := &unstructured.Unstructured{Object: (&unstructured.Unstructured{Object: object}).DeepCopy().Object}
	for _, field := range append(workload.AroundFields(), "template") {
		unstructured.RemoveNestedField(rest.Object, "spec", field)
	}
	annotations := rest.GetAnnotations()
	for key := range annotations {
		if strings.HasPrefix(key, "sluice.dev/") {
			delete(annotations, key)
		}
	}
	rest.SetAnnotations(annotations)
	if len(annotations) == 0 {
		rest.SetAnnotations(nil)
	}
	return rest.Object
}

func FuzzRender(f *testing.F) {
	old, _ := json.Marshal(deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("v2", "")}))
	updated, _ := json.Marshal(deployment("v3", map[string]string{config.AnnotationPromote: orderFor("v2")}))
	f.Add(string(old), string(updated), config.FieldManager)
	f.Add(string(old), string(updated), "kubectl-replace")
	f.Add(string(old), string(old), clientSideApply)
	f.Add(string(updated), string(old), "")
	f.Add(`{"spec":{"template":{}}}`, `{"spec":{"template":{"spec":{"containers":[{"name":"a"},{"name":"a"}]}}}}`, "x")
	f.Fuzz(func(t *testing.T, oldJSON, newJSON, manager string) {
		before, err := decodeNumbers([]byte(oldJSON))
		if err != nil {
			return
		}
		after, err := decodeNumbers([]byte(newJSON))
		if err != nil {
			return
		}
		request := Request{User: "jane", Manager: manager, Reconciler: manager == config.FieldManager, Now: someone.Now}
		input := fmt.Sprint(before, after)
		result, err := Render(before, after, request)
		if fmt.Sprint(before, after) != input {
			t.Fatal("the input was changed")
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(stripped(after), stripped(result.Object)); diff != "" {
			t.Errorf("something that is not ours was changed: %s", diff)
		}
		again, err := Render(result.Object, result.Object, Request{User: "jane", Manager: "kubectl-label", Now: someone.Now})
		if err != nil {
			t.Fatalf("the stored result is refused: %v", err)
		}
		if diff := cmp.Diff(result.Object, again.Object); diff != "" {
			t.Errorf("the stored result submitted again changes: %s", diff)
		}
	})
}
