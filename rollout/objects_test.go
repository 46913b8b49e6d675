package rollout_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/coverage"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

// surrounded is an observation of a held candidate whose primary has an autoscaler, a budget and a NetworkPolicy.
func surrounded(t *testing.T) observed.World {
	t.Helper()
	w := newWorld(t, story{behaviours: map[string]behaviour{"v2": good}})
	autoscaled(w)
	w.set("v2")
	o := w.observe()
	own := metav1.LabelSelector{MatchLabels: map[string]string{"app": "podinfo"}}
	named := metav1.ObjectMeta{Namespace: "test", Name: "podinfo"}
	o.Budgets = []policyv1.PodDisruptionBudget{{ObjectMeta: named, Spec: policyv1.PodDisruptionBudgetSpec{Selector: &own}}}
	o.NetworkPolicies = []networkingv1.NetworkPolicy{{ObjectMeta: named, Spec: networkingv1.NetworkPolicySpec{PodSelector: own}}}
	return o
}

func TestCanaryObjectsAreMadeInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		autoscaler bool
		current    int32
		replicas   int32
		want       string
	}{
		"with an autoscaler":                         {true, 0, 3, "NetworkPolicy Deployment Service HorizontalPodAutoscaler PodDisruptionBudget"},
		"without":                                    {false, 7, 3, "NetworkPolicy Deployment Service PodDisruptionBudget"},
		"an autoscaler that has added replicas":      {true, 7, 7, "NetworkPolicy Deployment Service HorizontalPodAutoscaler PodDisruptionBudget"},
		"an autoscaler that has not reached its min": {true, 1, 3, "NetworkPolicy Deployment Service HorizontalPodAutoscaler PodDisruptionBudget"},
	} {
		t.Run(name, func(t *testing.T) {
			o := surrounded(t)
			if c.current > 0 {
				o.CanaryDeployment = &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: &c.current}}
			}
			intent := plan.CanaryIntent{Replicas: 3, Share: 30, Identity: workload.Identity{"app": "podinfo-canary"}, Service: "podinfo",
				Policy: config.CanaryOverrides{Autoscaler: c.autoscaler}}
			objects, err := target.CanaryObjects(o, intent, metav1.OwnerReference{Name: "podinfo"})
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, object := range objects {
				kinds = append(kinds, workload.KindOf(object))
				if object.GetName() != "podinfo-canary" || len(object.GetOwnerReferences()) != 1 {
					t.Errorf("made %s %s of %v", workload.KindOf(object), object.GetName(), object.GetOwnerReferences())
				}
				if d, is := object.(*appsv1.Deployment); is && *d.Spec.Replicas != c.replicas {
					t.Errorf("%d replicas, not %d", *d.Spec.Replicas, c.replicas)
				}
			}
			if diff := cmp.Diff(c.want, strings.Join(kinds, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDiscoverLooksAheadToWhatIsMade(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*observed.World, *config.Policy)
		problem string
		missed  []coverage.Miss
	}{
		"all is well": {change: func(*observed.World, *config.Policy) {}},
		"a budget of somebody else": {change: func(o *observed.World, _ *config.Policy) {
			o.Budgets = append(o.Budgets, policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "podinfo-canary"}})
		}, problem: "PodDisruptionBudget podinfo-canary exists but was not created for this Deployment"},
		"an override of an identity label": {change: func(_ *observed.World, p *config.Policy) {
			p.Canary.Template = []byte(`{"metadata":{"labels":{"app":"x"}}}`)
		}, problem: "spec.canary.template.metadata.labels[app]"},
		"an override by which another Service selects": {change: func(o *observed.World, p *config.Policy) {
			other := *o.Services[0].DeepCopy()
			other.Name, other.Spec.Selector = "other", map[string]string{"tier": "other"}
			o.Services = append(o.Services, other)
			p.Canary.Template = []byte(`{"metadata":{"labels":{"tier":"other"}}}`)
		}, problem: "Service other would select the canary's pods by label tier, which the policy's spec.canary.template sets"},
		"an autoscaler that there is not": {change: func(_ *observed.World, p *config.Policy) {
			p.Autoscaler = &v1alpha1.AutoscalerRef{Kind: "HorizontalPodAutoscaler", Name: "gone"}
		}, problem: "spec.autoscalerRef names HorizontalPodAutoscaler gone"},
		"an autoscaler that is gone in flight": {change: func(o *observed.World, p *config.Policy) {
			o.CanaryDeployment = &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: ptrTo(int32(1))}}
			p.Autoscaler = &v1alpha1.AutoscalerRef{Kind: "HorizontalPodAutoscaler", Name: "gone"}
		}},
		"a policy of the database's": {change: func(o *observed.World, _ *config.Policy) {
			policy := networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "database"}}
			policy.Spec.PodSelector.MatchLabels = map[string]string{"app": "database"}
			policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &o.NetworkPolicies[0].Spec.PodSelector}}}}
			o.NetworkPolicies = append(o.NetworkPolicies, policy)
		}, missed: []coverage.Miss{{Object: "NetworkPolicy database", Ref: "NetworkPolicy/database"}}},
	} {
		t.Run(name, func(t *testing.T) {
			o, policy := surrounded(t), policy.Defaults()
			c.change(&o, &policy)
			found, problem := target.Discover(policy, o)
			if c.problem == "" && problem != "" || !strings.HasPrefix(problem, c.problem) {
				t.Errorf("got %q", problem)
			}
			if diff := cmp.Diff(c.missed, found.Missed); diff != "" {
				t.Error(diff)
			}
		})
	}
}
