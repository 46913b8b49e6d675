package reconciler

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"sluice.dev/sluice/api/v1alpha1"
)

// canaryOf has found a Service; empty for none yet.
func canaryOf(namespace, name, service string, templates ...v1alpha1.ObjectRef) *v1alpha1.Canary {
	canary := &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	canary.Status.Target = &v1alpha1.TargetStatus{Service: service}
	if service != "" {
		canary.Status.Target.Routes = []string{service}
	}
	canary.Status.Policy = &v1alpha1.PolicyStatus{Spec: v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{}}}
	for i := range templates {
		analysis := canary.Status.Policy.Spec.Analysis
		analysis.Metrics = append(analysis.Metrics, v1alpha1.Metric{TemplateRef: &templates[i]})
	}
	return canary
}

func (w *world) expectWoken(ticks func(*reader, client.Object) []string, changed client.Object, want ...string) {
	w.t.Helper()
	got := ticks(w.reconciler(w.client, Options{}).reader, changed)
	if slices.Sort(got); !slices.Equal(got, want) {
		w.t.Errorf("%s %s/%s wakes %v, want %v", changed.GetObjectKind().GroupVersionKind().Kind, changed.GetNamespace(), changed.GetName(), got, want)
	}
}

func TestAMetricTemplateWakesOnlyWhoNamesIt(t *testing.T) {
	w := newWorld(t)
	unread := canaryOf("shop", "unread", "unread")
	unread.Status.Policy = nil
	for _, canary := range []*v1alpha1.Canary{unread,
		canaryOf("shop", "here", "here", v1alpha1.ObjectRef{Name: "errors"}),
		canaryOf("shop", "both", "both", v1alpha1.ObjectRef{Name: "latency"}, v1alpha1.ObjectRef{Namespace: "shop", Name: "errors"}),
		canaryOf("shop", "other", "other", v1alpha1.ObjectRef{Name: "latency"}),
		canaryOf("pay", "there", "there", v1alpha1.ObjectRef{Namespace: "shop", Name: "errors"}),
		canaryOf("pay", "own", "own", v1alpha1.ObjectRef{Name: "errors"}),
	} {
		w.Expect(w.client.Create(t.Context(), canary)).To(Succeed())
	}
	ticks := func(r *reader, changed client.Object) (names []string) {
		for _, request := range r.ofTemplate(t.Context(), changed) {
			names = append(names, request.String())
		}
		return names
	}
	template := func(name string) client.Object {
		return &v1alpha1.MetricTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	}
	w.expectWoken(ticks, template("errors"), "pay/there", "shop/both", "shop/here")
	w.expectWoken(ticks, template("unused"))
}

// TestEveryChangeOfAServiceIsSeenOnce holds that the two watches of Services share their changes.
func TestEveryChangeOfAServiceIsSeenOnce(t *testing.T) {
	before := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}}
	labelled, selects := before.DeepCopy(), before.DeepCopy()
	labelled.Labels = map[string]string{"a": "b"}
	selects.Spec.Selector = map[string]string{"app": "other"}
	for name, c := range map[string]struct {
		newSpec, oldSpec, isNew bool
	}{
		"created":    {newServiceSpec.Create(event.CreateEvent{Object: before}), oldServiceSpec.Create(event.CreateEvent{Object: before}), true},
		"deleted":    {newServiceSpec.Delete(event.DeleteEvent{Object: before}), oldServiceSpec.Delete(event.DeleteEvent{Object: before}), true},
		"other pods": {newServiceSpec.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: selects}), oldServiceSpec.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: selects}), true},
		"relabelled": {newServiceSpec.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: labelled}), oldServiceSpec.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: labelled}), false},
	} {
		if c.newSpec != c.isNew || c.oldSpec == c.isNew {
			t.Errorf("%s: seen as a new spec %v, as an old one %v", name, c.newSpec, c.oldSpec)
		}
	}
}
