package reconciler

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/observed"
)

// big is a Deployment of 200 KiB as the API server sends it.
func big(t *testing.T, i int, annotations map[string]string) *appsv1.Deployment {
	t.Helper()
	annotations = maps.Clone(annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations["example.com/big"] = strings.Repeat("a", 60<<10)
	annotations[corev1.LastAppliedConfigAnnotation] = strings.Repeat("b", 60<<10)
	pod := corev1.Container{Name: "app", Image: "app:v1", Env: []corev1.EnvVar{{Name: "BIG", Value: strings.Repeat("c", 60<<10)}}}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprint("app-", i), Annotations: annotations, Labels: map[string]string{"app": "app"},
		ManagedFields: []metav1.ManagedFieldsEntry{{FieldsV1: metav1.NewFieldsV1(`{"f:x":"` + strings.Repeat("d", 20<<10) + `"}`)}}}}
	d.Spec.Template.Spec.Containers = []corev1.Container{pod}
	content, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	read := &appsv1.Deployment{}
	if err := json.Unmarshal(content, read); err != nil {
		t.Fatal(err)
	}
	return read
}

// heapOf is how much memory 200 objects take.
func heapOf(t *testing.T, change func(any) (any, error)) uint64 {
	t.Helper()
	return heapOfAll(t, func(i int) any {
		object, err := change(big(t, i, nil))
		if err != nil {
			t.Fatal(err)
		}
		return object
	})
}

// heapOfAll is how much memory 200 objects take that are made like this.
func heapOfAll(t *testing.T, make func(i int) any) uint64 {
	t.Helper()
	used := func() uint64 {
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := used()
	var cached []any
	for i := range 200 {
		cached = append(cached, make(i))
	}
	after := used()
	runtime.KeepAlive(cached)
	return max(after, before) - before
}

func TestDeploymentsThatNeverOptedInTakeNoMemory(t *testing.T) {
	whole := heapOf(t, func(object any) (any, error) { return object, nil })
	stripped := heapOf(t, Strip)
	t.Logf("200 Deployments of 200 KiB: %d KiB, stripped %d KiB", whole>>10, stripped>>10)
	if whole < 35<<20 {
		t.Errorf("the test is void: whole Deployments take only %d bytes", whole)
	}
	if stripped > 2<<20 {
		t.Errorf("stripped Deployments take %d bytes", stripped)
	}
}

func TestWhatIsStripped(t *testing.T) {
	const ours = "sluice.dev/policy"
	for name, c := range map[string]struct {
		annotations, labels map[string]string
		spec, applied       bool
	}{
		"not opted in":     {},
		"opted out":        {annotations: map[string]string{config.AnnotationCanary: "false", ours: "p"}},
		"opted in":         {annotations: map[string]string{config.AnnotationCanary: "true"}, spec: true},
		"a canary":         {labels: map[string]string{config.LabelRole: config.RoleCanary}, spec: true, applied: true},
		"with records":     {annotations: map[string]string{config.AnnotationPrevious: "{}"}},
		"only the opt-out": {annotations: map[string]string{config.AnnotationCanary: ""}},
	} {
		t.Run(name, func(t *testing.T) {
			d := big(t, 0, c.annotations)
			maps.Copy(d.Labels, c.labels)
			object, err := Strip(d)
			if err != nil {
				t.Fatal(err)
			}
			got := object.(*appsv1.Deployment)
			if has := len(got.Spec.Template.Spec.Containers) > 0; has != c.spec {
				t.Errorf("it has its spec: %v", has)
			}
			if _, has := got.Annotations[corev1.LastAppliedConfigAnnotation]; has != c.applied {
				t.Errorf("it has what was last applied: %v", has)
			}
			for key, value := range c.annotations {
				if got.Annotations[key] != value {
					t.Errorf("annotation %s is lost", key)
				}
			}
			if got.ManagedFields != nil || got.Name == "" {
				t.Errorf("it has managed fields or no name")
			}
		})
	}
}

// TestAnnotationsThatNobodyReadsTakeNoMemory fills the cache with 200 Services, and with 200 Deployments that are opted in.
func TestAnnotationsThatNobodyReadsTakeNoMemory(t *testing.T) {
	blobs := map[string]string{"example.com/big": strings.Repeat("a", 100<<10), corev1.LastAppliedConfigAnnotation: strings.Repeat("b", 100<<10)}
	service := func(i int) client.Object {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprint("app-", i)}}
	}
	for name, make := range map[string]func(i int) client.Object{
		"Services": service,
		"Deployments": func(i int) client.Object {
			d := big(t, i, map[string]string{config.AnnotationCanary: "true"})
			d.Spec.Template = corev1.PodTemplateSpec{}
			return d
		},
		"routes": func(i int) client.Object { return routeObject("HTTPRoute") },
	} {
		measure := func(change func(any) (any, error)) uint64 {
			return heapOfAll(t, func(i int) any {
				object := make(i)
				annotations := object.GetAnnotations()
				if annotations == nil {
					annotations = map[string]string{}
				}
				for key, value := range blobs {
					annotations[key] = strings.Clone(value)
				}
				object.SetAnnotations(annotations)
				changed, err := change(object)
				if err != nil {
					t.Fatal(err)
				}
				return changed
			})
		}
		whole, stripped := measure(func(object any) (any, error) { return object, nil }), measure(Strip)
		t.Logf("200 %s with 200 KiB of annotations: %d KiB, stripped %d KiB", name, whole>>10, stripped>>10)
		if whole < 35<<20 || stripped > 2<<20 {
			t.Errorf("%s take %d bytes, stripped %d", name, whole, stripped)
		}
	}
}

func TestWhichAnnotationsAreStripped(t *testing.T) {
	all := map[string]string{"sluice.dev/policy": "p", "prometheus.io/scrape": "true", "deployment.kubernetes.io/revision": "3", "example.com/own": "o", corev1.LastAppliedConfigAnnotation: "{}"}
	read := []string{"deployment.kubernetes.io/revision", "prometheus.io/scrape", "sluice.dev/policy"}
	for name, c := range map[string]struct {
		object client.Object
		role   string
		want   []string
	}{
		"a Service":            {&corev1.Service{}, "", read},
		"a generated Service":  {&corev1.Service{}, config.RoleGenerated, slices.Sorted(slices.Values(append(slices.Clone(read), "example.com/own")))},
		"a canary's Service":   {&corev1.Service{}, config.RoleCanary, slices.Sorted(maps.Keys(all))},
		"an autoscaler":        {&autoscalingv2.HorizontalPodAutoscaler{}, "", read},
		"a route":              {routeObject("HTTPRoute"), "", read},
		"a Gateway":            {&gatewayv1.Gateway{}, "", read},
		"what rotation writes": {&corev1.Secret{}, "", slices.Sorted(maps.Keys(all))},
	} {
		c.object.SetAnnotations(maps.Clone(all))
		c.object.SetLabels(map[string]string{config.LabelRole: c.role})
		if _, err := Strip(c.object); err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(c.object.GetAnnotations())); !slices.Equal(got, c.want) {
			t.Errorf("%s keeps %v, want %v", name, got, c.want)
		}
	}
}

func TestTheLastStateOfAMissedDeletionIsLeftAlone(t *testing.T) {
	missed := struct{ Key string }{"shop/app"}
	if object, err := Strip(missed); err != nil || !reflect.DeepEqual(object, missed) {
		t.Errorf("%v, %v", object, err)
	}
}

// stripping reads like the cache: everything is stripped.
func stripping(c client.WithWatch) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{
		Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if err := next.Get(ctx, key, object, options...); err != nil {
				return err
			}
			_, err := Strip(object)
			return err
		},
		List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if err := next.List(ctx, list, options...); err != nil {
				return err
			}
			return meta.EachListItem(list, func(item apiruntime.Object) error { _, err := Strip(item); return err })
		},
	})
}

// TestNothingStrippedIsWrittenBack plays a rollout whose cache strips everything, until the Deployment is opted out. Every object
// was applied by kubectl.
func TestNothingStrippedIsWrittenBack(t *testing.T) {
	w, r := inFlight(t)
	applied := func(name string, object client.Object) string {
		w.Expect(w.client.Get(t.Context(), client.ObjectKey{Namespace: subject.Namespace, Name: name}, object)).To(Succeed())
		return object.GetAnnotations()[corev1.LastAppliedConfigAnnotation]
	}
	objects := map[string]client.Object{"podinfo": &gatewayv1.HTTPRoute{}, "podinfo-canary": &appsv1.Deployment{}}
	primary := &appsv1.Deployment{}
	replicas := int32(40)
	applied("podinfo", primary)
	primary.Spec.Replicas = &replicas
	const own = "example.com/own"
	for name, object := range objects {
		applied(name, object)
		metav1.SetMetaDataAnnotation(objectMeta(object), corev1.LastAppliedConfigAnnotation, "{}")
		metav1.SetMetaDataAnnotation(objectMeta(object), own, "kept")
		w.Expect(w.client.Update(t.Context(), object)).To(Succeed())
	}
	metav1.SetMetaDataAnnotation(&primary.ObjectMeta, corev1.LastAppliedConfigAnnotation, "{}")
	metav1.SetMetaDataAnnotation(&primary.ObjectMeta, own, "kept")
	w.Expect(w.client.Update(t.Context(), primary)).To(Succeed())
	primary.Status = available(replicas)
	w.Expect(w.client.Status().Update(t.Context(), primary)).To(Succeed())
	r.cached, r.routes = stripping(w.client), stripping(w.client)

	w.until(r, "the canary of a larger primary", func(observed.State) bool {
		canary := &appsv1.Deployment{}
		applied("podinfo-canary", canary)
		return *canary.Spec.Replicas > 1
	})
	for name, object := range objects {
		w.Expect(applied(name, object)).To(Equal("{}"), "%T %s", object, name)
	}
	template := w.canary().Status.Primary.Template
	applied("podinfo", primary)
	primary.Annotations[config.AnnotationCanary] = "false"
	w.Expect(w.client.Update(t.Context(), primary)).To(Succeed())
	w.until(r, "opted out", func(s observed.State) bool { return s.Phase == v1alpha1.PhaseOptedOut })
	w.Expect(w.canary().Status.Primary.Template).To(Equal(template), "the template was read from a stripped Deployment")
	w.Expect(applied("podinfo", &appsv1.Deployment{})).To(Equal("{}"))
	w.Expect(applied("podinfo", &gatewayv1.HTTPRoute{})).To(Equal("{}"))
	w.Expect(w.backends()).To(Equal([]string{"podinfo"}))
	for _, object := range []client.Object{&appsv1.Deployment{}, &gatewayv1.HTTPRoute{}} {
		applied("podinfo", object)
		w.Expect(object.GetAnnotations()).To(HaveKeyWithValue(own, "kept"), "%T", object)
	}
}

func objectMeta(object client.Object) *metav1.ObjectMeta {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return &o.ObjectMeta
	case *gatewayv1.HTTPRoute:
		return &o.ObjectMeta
	}
	return nil
}
