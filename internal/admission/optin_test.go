package admission

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// lacking returns the object without an annotation.
func lacking(object map[string]any, key string) map[string]any {
	rest := &unstructured.Unstructured{Object: copied(object)}
	annotations := rest.GetAnnotations()
	delete(annotations, key)
	rest.SetAnnotations(annotations)
	return rest.Object
}

// with returns the object with annotations.
func with(object map[string]any, more map[string]string) map[string]any {
	result := &unstructured.Unstructured{Object: copied(object)}
	annotations := result.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, more)
	result.SetAnnotations(annotations)
	return result.Object
}

// plain is a Deployment whose annotations never had the opt-in.
func plain(image string, annotations map[string]string) map[string]any {
	return lacking(deployment(image, annotations), config.AnnotationCanary)
}

// appliedWith is what kubectl apply records of a manifest with these annotations.
func appliedWith(image string, annotations map[string]string) map[string]string {
	var notes []string
	for key, value := range annotations {
		notes = append(notes, fmt.Sprintf("%q:%q", key, value))
	}
	return map[string]string{corev1.LastAppliedConfigAnnotation: fmt.Sprintf(
		`{"metadata":{"annotations":{%s}},"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, strings.Join(notes, ","), image)}
}

func TestOptingOutIsSaid(t *testing.T) {
	held := map[string]string{config.AnnotationCandidate: candidateOf("v2", workload.MarkNone)}
	failed := map[string]string{config.AnnotationCandidate: candidateOf("v2", workload.MarkFailed)}
	optIn := map[string]string{config.AnnotationCanary: "true"}
	promoting := map[string]string{config.AnnotationPrevious: previousOf(t, "v1", "v2")}
	out := map[string]string{config.AnnotationCanary: "false"}
	for name, c := range map[string]struct {
		old, new map[string]any
		by       Request
		want     string
		in       bool
		warning  string
	}{
		"the value false opts out":                                  {old: read(deployment("v1", nil)), new: read(deployment("v1", out)), want: "v1 by opted-out", warning: "opted out: from now on"},
		"the value false opts out with a change":                    {old: read(deployment("v1", nil)), new: read(deployment("v2", out)), want: "v2 by opted-out", warning: "opted out"},
		"the value false opts out of a rollout":                     {old: read(deployment("v1", held)), new: read(with(deployment("v1", held), out)), want: "v1 holds v2 by opted-out", warning: "opted out; candidate"},
		"a removal that leaves the template alone opts out":         {old: read(deployment("v1", nil)), new: read(plain("v1", nil)), want: "v1 by opted-out", warning: "opted out"},
		"so does one in flight":                                     {old: read(deployment("v1", held)), new: read(plain("v1", held)), want: "v1 holds v2 by opted-out", warning: "opted out; candidate"},
		"an undo to a revision from before the opt-in is held back": {old: read(deployment("v1", nil)), new: read(plain("v0", nil)), want: "v1 holds v0", in: true, warning: "so it was put back"},
		"so is one in flight":                                       {old: read(deployment("v1", held)), new: read(plain("v0", nil)), want: "v1 holds v0", in: true, warning: "so it was put back"},
		"a manifest without the opt-in is held back":                {old: read(deployment("v1", nil)), new: plain("v2", nil), want: "v1 holds v2", in: true, warning: "so it was put back"},
		"the same manifest again is the same request":               {old: read(deployment("v1", held)), new: plain("v2", nil), want: "v1 holds v2", in: true, warning: "so it was put back"},
		"the manifest of what runs takes back":                      {old: read(deployment("v1", held)), new: plain("v1", nil), want: "v1", in: true, warning: "so it was put back"},
		"a manifest in the middle of its promotion changes nothing": {old: read(deployment("v2", promoting)), new: plain("v2", nil), want: "v2", in: true, warning: "so it was put back"},
		"a manifest of what runs opts out at rest":                  {old: read(deployment("v1", nil)), new: plain("v1", nil), want: "v1 by opted-out", warning: "opted out"},
		"a manifest of a failed candidate is not tried again":       {old: read(deployment("v1", failed)), new: plain("v2", nil), want: "v1 holds v2failed", in: true, warning: "so it was put back"},
		"a manifest of what runs opts out after a failure":          {old: read(deployment("v1", failed)), new: plain("v1", nil), want: "v1 holds v2failed by opted-out", warning: "opted out"},
		"a client-side apply without the opt-in is held back": {by: applier, old: read(deployment("v1", appliedWith("v1", optIn))), new: read(plain("v2", appliedWith("v2", nil))),
			want: "v1 holds v2", in: true, warning: "so it was put back"},
		"one that takes back is put back too": {by: applier, old: read(with(deployment("v1", held), appliedWith("v2", optIn))), new: read(with(plain("v1", held), appliedWith("v1", nil))),
			want: "v1", in: true, warning: "so it was put back"},
		"an apply in the middle of its promotion changes nothing": {by: applier, old: read(with(deployment("v2", promoting), appliedWith("v2", optIn))), new: read(with(plain("v2", promoting), appliedWith("v2", nil))),
			want: "v2", in: true, warning: "so it was put back"},
	} {
		t.Run(name, func(t *testing.T) {
			by := c.by
			if by.User == "" {
				by = someone
			}
			result, err := Render(c.old, c.new, by)
			if err != nil {
				t.Fatal(err)
			}
			if got := outcome(t, result); got != c.want || config.OptedIn(annotationsOf(result.Object)) != c.in {
				t.Errorf("got %s, opted in %v; not %s", got, !c.in, c.want)
			}
			if warnings := strings.Join(result.Warnings, "\n"); !strings.Contains(warnings, c.warning) {
				t.Errorf("the warnings are %q", warnings)
			}
			left, err := workload.LeftOutOf(annotationsOf(result.Object))
			if err != nil || (left != nil) != c.in {
				t.Errorf("left out: %v, %v", left, err)
			}
			if err := guard(c.old, result.Object, by); err != nil {
				t.Errorf("the guard refuses it: %v", err)
			}
		})
	}
}

func previousOf(t *testing.T, image, promoted string) string {
	t.Helper()
	template, err := templateOf(deployment(image, nil))
	if err != nil {
		t.Fatal(err)
	}
	text, err := workload.Previous{Hash: template.Hash(), Template: template, Promoted: hashOf(promoted)}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTheOptInIsAskedForAgain checks when it is forgotten that a manifest left the opt-in out.
func TestTheOptInIsAskedForAgain(t *testing.T) {
	text, _ := workload.LeftOut{By: "jane", At: someone.Now}.Encode()
	left := map[string]string{config.AnnotationLeftOut: text}
	owned := read(deployment("v1", left))
	(&unstructured.Unstructured{Object: owned}).SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: "flux", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "apps/v1", FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:sluice.dev/canary":{}}}}`),
	}})
	for name, c := range map[string]struct {
		new   map[string]any
		stays bool
	}{
		"a label says nothing":                   {read(with(deployment("v1", left), map[string]string{"team": "a"})), true},
		"an apply without it says nothing":       {read(with(deployment("v1", left), appliedWith("v1", nil))), true},
		"a manifest with it asks":                {deployment("v1", nil), false},
		"a client-side apply with it asks":       {read(with(deployment("v1", left), appliedWith("v1", map[string]string{config.AnnotationCanary: "true"}))), false},
		"a manager that owns it has asked":       {owned, false},
		"nothing is to be asked once opted out":  {read(with(deployment("v1", left), map[string]string{config.AnnotationCanary: "false"})), false},
		"a patch cannot remove the record":       {read(deployment("v1", nil)), true},
		"a patch cannot forge the record either": {read(deployment("v1", map[string]string{config.AnnotationLeftOut: "{}"})), true},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Render(read(deployment("v1", left)), c.new, someone)
			if err != nil {
				t.Fatal(err)
			}
			if kept, is := annotationsOf(result.Object)[config.AnnotationLeftOut]; is != c.stays || is && kept != text {
				t.Errorf("kept %q", kept)
			}
		})
	}
}

func TestSettingsThatComeWithAnotherTemplate(t *testing.T) {
	now := map[string]string{config.AnnotationPolicy: "strict", config.AnnotationInterval: "1m"}
	then := map[string]string{config.AnnotationSkipAnalysis: "true", config.AnnotationInterval: "1m"}
	stale := map[string]string{config.AnnotationCandidate: candidateOf("v0", "")}
	for name, c := range map[string]struct {
		new     map[string]any
		by      Request
		kept    bool
		warning string
	}{
		"an undo to a revision from before the opt-in": {read(plain("v0", then)), someone, true, "settings of an old revision are not taken over: policy, skip-analysis"},
		"an undo to a revision that was held back":     {read(with(deployment("v0", then), stale)), someone, true, "settings of an old revision are not taken over: policy, skip-analysis"},
		"an edit of both":      {read(deployment("v0", then)), someone, false, "settings change together with the pod template and take effect at once: policy, skip-analysis"},
		"a manifest with both": {deployment("v0", then), someone, false, HeldBack},
		"an apply of both":     {read(deployment("v0", then)), applier, false, HeldBack},
	} {
		t.Run(name, func(t *testing.T) {
			if c.by.Manager == clientSideApply {
				c.new = with(c.new, appliedWith("v0", then))
			}
			result, err := Render(read(deployment("v1", now)), c.new, c.by)
			if err != nil {
				t.Fatal(err)
			}
			notes := annotationsOf(result.Object)
			if kept := notes[config.AnnotationPolicy] == "strict" && notes[config.AnnotationSkipAnalysis] == ""; kept != c.kept {
				t.Errorf("the annotations are %v", notes)
			}
			if warnings := strings.Join(result.Warnings, "\n"); !strings.Contains(warnings, c.warning) || c.kept != strings.Contains(warnings, "not taken over") {
				t.Errorf("the warnings are %q", warnings)
			}
		})
	}
}

// TestOptingOutAndInAgainIsRecorded checks that a template which changes between the two is told at the opt-in.
func TestOptingOutAndInAgainIsRecorded(t *testing.T) {
	out := map[string]string{config.AnnotationCanary: "false"}
	result, err := Render(read(deployment("v1", nil)), read(deployment("v1", out)), someone)
	if err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string]string{"v1": "v1 by opted-out", "v2": "v2 by opted-in"} {
		_, labelled := result.Object, with(withImage(result.Object, image), out)
		result, err := Render(read(labelled), read(with(labelled, map[string]string{config.AnnotationCanary: "true"})), Request{User: "joe", Now: someone.Now})
		if err != nil {
			t.Fatal(err)
		}
		if got := outcome(t, result); got != want {
			t.Errorf("got %s, not %s", got, want)
		}
		if direct, _ := lastDirect(annotationsOf(result.Object)); direct.How == workload.DirectOptedIn &&
			(direct.By != "joe" || direct.Reason != "the template was changed after jane had opted out at 2026-01-01T00:00:00Z") {
			t.Errorf("told is %+v", direct)
		}
	}
}
