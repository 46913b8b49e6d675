package workload

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

type set = map[string]string

func primaryWith(selector, pod set) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "podinfo"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pod}},
		},
	}
}

func service(name string, selector set) corev1.Service {
	return corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{Selector: selector}}
}

func TestIdentityFor(t *testing.T) {
	for name, c := range map[string]struct {
		selector, pod set
		services      []corev1.Service
		keys          []string
		want          Identity
		wrong         string
	}{
		"one label is enough": {
			selector: set{"app": "shop"}, pod: set{"app": "shop", "team": "a"},
			services: []corev1.Service{service("shop", set{"app": "shop"})}, want: Identity{"app": "shop-canary"},
		},
		"the preferred of several is rewritten": {
			selector: set{"app.kubernetes.io/name": "shop", "app.kubernetes.io/instance": "x"},
			pod:      set{"app.kubernetes.io/name": "shop", "app.kubernetes.io/instance": "x"},
			services: []corev1.Service{service("shop", set{"app.kubernetes.io/name": "shop"})}, want: Identity{"app.kubernetes.io/name": "shop-canary"},
		},
		"two labels where Deployment and Service select by different ones": {
			selector: set{"instance": "x"}, pod: set{"instance": "x", "app": "shop"},
			services: []corev1.Service{service("shop", set{"app": "shop"})}, want: Identity{"app": "shop-canary", "instance": "x-canary"},
		},
		"the label that both select by is better than two": {
			selector: set{"tier": "web", "app": "shop"}, pod: set{"tier": "web", "app": "shop"},
			services: []corev1.Service{service("shop", set{"tier": "web"})}, want: Identity{"tier": "web-canary"},
		},
		"named labels are taken": {
			selector: set{"app": "shop", "tier": "web"}, pod: set{"app": "shop", "tier": "web"}, keys: []string{"tier"},
			want: Identity{"tier": "web-canary"},
		},
		"a named label that the pods do not have is refused": {
			selector: set{"app": "shop"}, pod: set{"app": "shop"}, keys: []string{"tier"}, wrong: "do not have",
		},
		"a named label that is not enough is refused": {
			selector: set{"app": "shop"}, pod: set{"app": "shop", "team": "a"}, keys: []string{"team"}, wrong: "Deployment podinfo would still select",
		},
		"pods that cannot be told apart are refused": {
			selector: set{}, pod: set{}, wrong: "no pod label",
		},
		"long values are shortened": {
			selector: set{"app": strings.Repeat("a", 63)}, pod: set{"app": strings.Repeat("a", 63)},
			want: Identity{"app": canaryValue(strings.Repeat("a", 63))},
		},
	} {
		t.Run(name, func(t *testing.T) {
			primary := primaryWith(c.selector, c.pod)
			got, err := IdentityFor(primary, primary.Spec.Template, c.services, c.keys)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("got %v, %v, not %q", got, err, c.wrong)
				}
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%v %s", err, diff)
			}
			for _, value := range got {
				if len(value) > 63 {
					t.Errorf("value %s is too long", value)
				}
			}
		})
	}
}

func TestLeakOf(t *testing.T) {
	pod := CanaryLabels(set{"app": "shop", "team": "a"}, Identity{"app": "shop-canary"})
	if leak := LeakOf(pod, []corev1.Service{service("shop", set{"app": "shop"}), service("shop-canary", set{"app": "shop-canary"})}, "shop-canary"); leak != nil {
		t.Errorf("found %v where there is none", leak)
	}
	if leak := LeakOf(pod, []corev1.Service{service("everything-of-a", set{"team": "a"})}, "shop-canary"); leak == nil || *leak != (Leak{"everything-of-a", "team"}) {
		t.Errorf("found %v", leak)
	}
	if leak := LeakOf(pod, []corev1.Service{service("no-selector", nil)}, "shop-canary"); leak != nil {
		t.Errorf("a Service without a selector selects nothing, found %v", leak)
	}
}

func TestMakeCanary(t *testing.T) {
	primary := primaryWith(set{"app": "shop"}, set{"app": "shop"})
	primary.Labels = set{"app": "shop", "team": "a", "app.kubernetes.io/managed-by": "Helm"}
	primary.Annotations = set{"sluice.dev/canary": "true", "meta.helm.sh/release-name": "shop", "example.com/owner": "jane", "prometheus.io/scrape": "true",
		"kubectl.kubernetes.io/last-applied-configuration": "{}", "argocd.argoproj.io/tracking-id": "x"}
	primary.Spec.Paused = true
	term := corev1.PodAffinityTerm{TopologyKey: "zone", LabelSelector: &metav1.LabelSelector{MatchLabels: set{"app": "shop"}}}
	template := templateWith(func(pod *corev1.PodTemplateSpec) {
		pod.Labels = set{"app": "shop", "version": "2"}
		pod.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{term}}}
		pod.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{LabelSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"shop"}}}}}}
	})
	canary, err := MakeCanary(primary, Candidate{Hash: "7c9e41d2", Attempt: 2, By: "jane", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Template: template}, Identity{"app": "shop-canary"}, 3, metav1.OwnerReference{Name: "podinfo"})
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]any{
		"name":        {canary.Name, "podinfo-canary"},
		"labels":      {canary.Labels, set{"app": "shop-canary", "team": "a", "sluice.dev/role": "canary", "sluice.dev/primary": "podinfo", "app.kubernetes.io/managed-by": "sluice"}},
		"annotations": {canary.Annotations, set{"prometheus.io/scrape": "true", "sluice.dev/template-hash": "7c9e41d2 2 2026-01-02T03:04:05Z", "sluice.dev/requested-by": "jane"}},
		"selector":    {canary.Spec.Selector.MatchLabels, set{"app": "shop-canary", "sluice.dev/role": "canary"}},
		"pod labels":  {canary.Spec.Template.Labels, set{"app": "shop-canary", "version": "2", "sluice.dev/role": "canary"}},
		"replicas":    {*canary.Spec.Replicas, int32(3)},
		"paused":      {canary.Spec.Paused, false},
		"anti-affinity": {canary.Spec.Template.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].LabelSelector.MatchLabels,
			set{"app": "shop-canary"}},
		"topology spread": {canary.Spec.Template.Spec.TopologySpreadConstraints[0].LabelSelector.MatchExpressions[0].Values, []string{"shop-canary"}},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("a", 70)
	if a, b := LabelValue(long), LabelValue(long+"b"); len(a) > 63 || a == b {
		t.Errorf("long names become %s and %s", a, b)
	}
	if name := CanaryServiceName(strings.Repeat("a", 63)); len(name) > 63 || !strings.HasSuffix(name, "-canary") {
		t.Errorf("the canary's Service is called %s", name)
	}
}

func TestReadinessOf(t *testing.T) {
	deployment := func(generation, observed int64, replicas, updated, available int32) *appsv1.Deployment {
		wanted := int32(4)
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: generation}, Spec: appsv1.DeploymentSpec{Replicas: &wanted},
			Status: appsv1.DeploymentStatus{ObservedGeneration: observed, Replicas: replicas, UpdatedReplicas: updated, AvailableReplicas: available}}
	}
	for name, c := range map[string]struct {
		d        *appsv1.Deployment
		percent  int32
		complete bool
		message  string
	}{
		"all there":                      {deployment(2, 2, 4, 4, 4), 100, true, "all 4 replicas are available"},
		"the change has not been seen":   {deployment(2, 1, 4, 4, 4), 100, false, "the Deployment controller has not seen the change yet"},
		"some are not updated":           {deployment(2, 2, 4, 1, 4), 100, false, "1 of 4 replicas are updated"},
		"old ones are still there":       {deployment(2, 2, 5, 4, 5), 100, false, "old replicas still running: 1"},
		"some updated are not available": {deployment(2, 2, 4, 4, 3), 100, false, "3 of 4 updated replicas are available"},
		"three of four are enough":       {deployment(2, 2, 4, 4, 3), 75, true, "3 of 4 replicas are available, which is enough"},
		"three of four are too few":      {deployment(2, 2, 4, 4, 2), 51, false, "2 of 4 updated replicas are available"},
		"nobody is never enough":         {deployment(2, 2, 4, 4, 0), 0, false, "0 of 4 updated replicas are available"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ReadinessOf(c.d, c.percent); got.Complete != c.complete || got.Message != c.message {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestLosesAllAtOnce(t *testing.T) {
	one, all := intstr.FromInt32(1), intstr.FromString("100%")
	for name, c := range map[string]struct {
		strategy appsv1.DeploymentStrategy
		replicas int32
		want     bool
	}{
		"Recreate":                    {appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}, 4, true},
		"the default":                 {appsv1.DeploymentStrategy{}, 4, false},
		"one of four":                 {appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &one}}, 4, false},
		"one of one":                  {appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &one}}, 1, true},
		"all of four by a percentage": {appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &all}}, 4, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := LosesAllAtOnce(&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: &c.replicas, Strategy: c.strategy}}); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
