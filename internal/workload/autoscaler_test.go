package workload

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

func primaryNamed(name string) *appsv1.Deployment {
	pods := map[string]string{"app": name, "team": "shop"}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:v1"}}}}}}
}

func canaryOf(t *testing.T, primary *appsv1.Deployment) *appsv1.Deployment {
	t.Helper()
	template, err := TemplateOf(primary.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	canary, err := MakeCanary(primary, Candidate{Hash: "7c9e41d2", Template: template}, Identity{"app": primary.Name + "-canary"}, 2, metav1.OwnerReference{Name: primary.Name})
	if err != nil {
		t.Fatal(err)
	}
	return canary
}

func hpaOf(name, deployment string) autoscalingv2.HorizontalPodAutoscaler {
	return autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{"team": "shop", "app.kubernetes.io/managed-by": "Helm"}},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: deployment},
			MinReplicas:    ptr.To(int32(4)), MaxReplicas: 21,
			Metrics: []autoscalingv2.MetricSpec{
				{Type: autoscalingv2.ContainerResourceMetricSourceType, ContainerResource: &autoscalingv2.ContainerResourceMetricSource{Name: "cpu", Container: "app"}},
				{Type: autoscalingv2.ObjectMetricSourceType, Object: &autoscalingv2.ObjectMetricSource{
					DescribedObject: autoscalingv2.CrossVersionObjectReference{Kind: "Service", Name: deployment}}},
			},
			Behavior: &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: ptr.To(int32(7))}},
		}}
}

func TestMakeCanaryAutoscaler(t *testing.T) {
	primary := primaryNamed("podinfo")
	hpa, canary := hpaOf("podinfo-hpa", "podinfo"), canaryOf(t, primary)
	before := hpa.DeepCopy()
	made := MakeCanaryAutoscaler(&hpa, canary, Limits{Min: 2, Share: 20})
	if diff := cmp.Diff(before, &hpa); diff != "" {
		t.Errorf("the primary's has changed: %s", diff)
	}
	want := metav1.ObjectMeta{Namespace: "shop", Name: "podinfo-hpa-canary", Annotations: map[string]string{}, OwnerReferences: canary.OwnerReferences,
		Labels: map[string]string{"team": "shop", config.LabelRole: config.RoleCanary, config.LabelPrimary: "podinfo", config.LabelManagedBy: "sluice"}}
	if diff := cmp.Diff(want, made.ObjectMeta); diff != "" {
		t.Error(diff)
	}
	spec := *hpa.Spec.DeepCopy()
	spec.ScaleTargetRef.Name, spec.MinReplicas, spec.MaxReplicas = "podinfo-canary", ptr.To(int32(2)), 5
	if diff := cmp.Diff(spec, made.Spec); diff != "" {
		t.Error(diff)
	}
}

func TestLimits(t *testing.T) {
	set := func(least, most *int32) *v1alpha1.ScalerReplicas {
		return &v1alpha1.ScalerReplicas{MinReplicas: least, MaxReplicas: most}
	}
	for name, c := range map[string]struct {
		limits      Limits
		least, most int32
	}{
		"a share":                               {Limits{Min: 2, Share: 20}, 2, 4},
		"never below what the weight needs":     {Limits{Min: 9, Share: 20}, 9, 9},
		"all":                                   {Limits{Min: 10, Share: 100}, 10, 20},
		"limits of the policy":                  {Limits{Min: 2, Share: 20, Set: set(ptr.To(int32(3)), ptr.To(int32(30)))}, 3, 30},
		"the policy's are not below the weight": {Limits{Min: 8, Share: 20, Set: set(ptr.To(int32(3)), ptr.To(int32(5)))}, 8, 8},
		"one limit of the policy":               {Limits{Min: 2, Share: 20, Set: set(nil, ptr.To(int32(5)))}, 2, 5},
	} {
		t.Run(name, func(t *testing.T) {
			if least, most := c.limits.of(20); least != c.least || most != c.most {
				t.Errorf("got %d to %d", least, most)
			}
		})
	}
}

func scaledObject(name, deployment string) unstructured.Unstructured {
	return unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
		"metadata": map[string]any{"namespace": "shop", "name": name,
			"annotations": map[string]any{"autoscaling.keda.sh/paused-replicas": "3", "prometheus.io/team": "shop"}},
		"spec": map[string]any{
			"scaleTargetRef":  map[string]any{"name": deployment},
			"minReplicaCount": int64(0), "maxReplicaCount": int64(20), "idleReplicaCount": int64(0), "cooldownPeriod": int64(30),
			"advanced": map[string]any{"horizontalPodAutoscalerConfig": map[string]any{"name": "mine"}},
			"fallback": map[string]any{"failureThreshold": int64(3), "replicas": int64(12)},
			"triggers": []any{
				map[string]any{"type": "prometheus", "name": "requests", "metadata": map[string]any{
					"query": `sum(rate(requests{deployment="podinfo",pod=~"podinfo-.*",job="podinfo-batch"}[1m]))`, "metricName": "podinfo"}},
				map[string]any{"type": "prometheus", "name": "queue", "metadata": map[string]any{"query": "queue_length"}},
				map[string]any{"type": "cpu"},
			},
		},
	}}
}

func TestMakeCanaryScaledObject(t *testing.T) {
	primary := primaryNamed("podinfo")
	scaled, canary := scaledObject("podinfo", "podinfo"), canaryOf(t, primary)
	before := scaled.DeepCopy()
	made := MakeCanaryScaledObject(&scaled, "podinfo", canary, Limits{Min: 2, Share: 50}, map[string]string{"queue": "canary_queue_length"})
	if diff := cmp.Diff(before, &scaled); diff != "" {
		t.Errorf("the primary's has changed: %s", diff)
	}
	want := map[string]any{
		"scaleTargetRef":  map[string]any{"name": "podinfo-canary"},
		"minReplicaCount": int64(2), "maxReplicaCount": int64(10), "cooldownPeriod": int64(30),
		"advanced": map[string]any{"horizontalPodAutoscalerConfig": map[string]any{}},
		"fallback": map[string]any{"failureThreshold": int64(3), "replicas": int64(2)},
		"triggers": []any{
			map[string]any{"type": "prometheus", "name": "requests", "metadata": map[string]any{
				"query": `sum(rate(requests{deployment="podinfo-canary",pod=~"podinfo-canary-.*",job="podinfo-batch"}[1m]))`, "metricName": "podinfo-canary"}},
			map[string]any{"type": "prometheus", "name": "queue", "metadata": map[string]any{"query": "canary_queue_length"}},
			map[string]any{"type": "cpu"},
		},
	}
	if diff := cmp.Diff(want, made.Object["spec"]); diff != "" {
		t.Error(diff)
	}
	if made.GetName() != "podinfo-canary" || !cmp.Equal(made.GetAnnotations(), map[string]string{"prometheus.io/team": "shop"}) {
		t.Errorf("got %v", made.Object["metadata"])
	}
	scaled.Object = map[string]any{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": map[string]any{"name": "podinfo"}, "spec": "broken"}
	if broken := MakeCanaryScaledObject(&scaled, "podinfo", canary, Limits{Min: 2, Share: 50}, nil); broken == nil {
		t.Error("a ScaledObject that is not one has no copy")
	}
}

func TestAutoscalerOf(t *testing.T) {
	primary := primaryNamed("podinfo")
	made := hpaOf("made", "podinfo")
	made.Labels[config.LabelRole] = config.RoleCanary
	hpas := []autoscalingv2.HorizontalPodAutoscaler{hpaOf("other", "other"), made, hpaOf("mine", "podinfo")}
	byKeda := hpaOf("keda-hpa-mine", "podinfo")
	byKeda.OwnerReferences = []metav1.OwnerReference{{Kind: kindScaledObject, Name: "mine", Controller: ptr.To(true)}}
	ref := func(kind, name string) *v1alpha1.AutoscalerRef {
		return &v1alpha1.AutoscalerRef{Kind: kind, Name: name}
	}
	for name, c := range map[string]struct {
		hpas    []autoscalingv2.HorizontalPodAutoscaler
		scaled  []unstructured.Unstructured
		ref     *v1alpha1.AutoscalerRef
		want    string
		problem string
	}{
		"an HPA":                           {hpas: hpas, want: "HPA mine"},
		"none":                             {hpas: hpas[:2], want: "none"},
		"a ScaledObject before its HPA":    {hpas: []autoscalingv2.HorizontalPodAutoscaler{byKeda}, scaled: []unstructured.Unstructured{scaledObject("mine", "podinfo")}, want: "ScaledObject mine"},
		"an HPA of KEDA alone":             {hpas: []autoscalingv2.HorizontalPodAutoscaler{byKeda}, want: "HPA keda-hpa-mine"},
		"a ScaledObject of another":        {scaled: []unstructured.Unstructured{scaledObject("mine", "other")}, want: "none"},
		"the one that is named":            {hpas: hpas, ref: ref(kindAutoscaler, "mine"), want: "HPA mine"},
		"the one that is named scales not": {hpas: hpas, ref: ref(kindAutoscaler, "other"), problem: "spec.autoscalerRef names HorizontalPodAutoscaler other"},
		"the kind that is named":           {hpas: hpas, ref: ref(kindScaledObject, "mine"), problem: "spec.autoscalerRef names ScaledObject mine"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := AutoscalerOf(primary, c.hpas, c.scaled, c.ref)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("got %v", err)
				}
				return
			}
			found := "none"
			switch {
			case got != nil && got.HPA != nil:
				found = "HPA " + got.HPA.Name
			case got != nil:
				found = "ScaledObject " + got.ScaledObject.GetName()
			}
			if err != nil || found != c.want {
				t.Errorf("got %s, %v", found, err)
			}
		})
	}
}

func TestAnAutoscalerOfSomethingElseIsNotCopied(t *testing.T) {
	byKeda := hpaOf("keda-hpa-mine", "podinfo")
	byKeda.OwnerReferences = []metav1.OwnerReference{{Kind: kindScaledObject, Name: "mine", Controller: ptr.To(true)}}
	if made := (Autoscaler{HPA: &byKeda}).Make(canaryOf(t, primaryNamed("podinfo")), Limits{Min: 1}, nil, "podinfo"); made != nil {
		t.Errorf("made %s", made.GetName())
	}
}

func TestReplaceName(t *testing.T) {
	for text, want := range map[string]string{
		`app="shop"`:        `app="shop-canary"`,
		`pod=~"shop-.+"`:    `pod=~"shop-canary-.+"`,
		`pod=~"shop-[a-z]"`: `pod=~"shop-canary-[a-z]"`,
		`app="shop-batch"`:  `app="shop-batch"`,
		`app="my-shop"`:     `app="my-shop"`,
		`shop_requests`:     `shop_requests`,
		`workshop`:          `workshop`,
		`shop/shop`:         `shop-canary/shop-canary`,
		``:                  ``,
	} {
		if got := replaceName(text, "shop", "shop-canary"); got != want {
			t.Errorf("%s becomes %s, not %s", text, got, want)
		}
	}
}
