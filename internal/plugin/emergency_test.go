package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/emergency"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

// webRoute is a route that gives half of the requests to the canary.
func webRoute(t *testing.T) emergency.Route {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": route.HTTP, "metadata": map[string]any{"namespace": "shop", "name": "podinfo", "generation": int64(7)},
		"spec": map[string]any{"rules": []any{map[string]any{"backendRefs": []any{map[string]any{"name": "podinfo", "port": int64(80)}}}}},
	}}
	plain, err := route.FromObject(object.Object)
	if err != nil {
		t.Fatal(err)
	}
	stated, err := route.WithSplit(plain, route.Split{Deployment: "podinfo", Primary: "podinfo", Canary: "podinfo-canary", Weight: 50})
	if err != nil {
		t.Fatal(err)
	}
	if err := stated.Into(object.Object); err != nil {
		t.Fatal(err)
	}
	return emergency.Route{Route: stated, Object: object}
}

// downWorld is a cluster whose Sluice is down in the middle of a rollout.
func downWorld(t *testing.T) emergency.World {
	t.Helper()
	s := inFlight(t)
	s.candidate.Hash = s.candidate.Template.Hash()
	at := func(namespace, name string) types.NamespacedName {
		return types.NamespacedName{Namespace: namespace, Name: name}
	}
	text, err := s.candidate.Encode()
	if err != nil {
		t.Fatal(err)
	}
	primary, err := workload.TemplateOf(template("podinfo:v1"))
	if err != nil {
		t.Fatal(err)
	}
	s.canary.Namespace, s.canary.Name, s.canary.Finalizers = "shop", "podinfo", []string{config.Finalizer}
	s.canary.Status.Primary = &v1alpha1.PrimaryStatus{Template: primary.Hash()}
	deployment := func(namespace, name, image string, annotations, labels map[string]string) *appsv1.Deployment {
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations, Labels: labels},
			Spec: appsv1.DeploymentSpec{Replicas: ptr.To(int32(2)), Template: template(image)}}
	}
	hooks := metav1.ObjectMeta{Name: "zz-sluice"}
	cart := v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: "pay", Name: "cart"}}
	freeze := v1alpha1.Freeze{}
	freeze.Name = "weekend"
	return emergency.World{
		Namespace: "sluice-system",
		Mutating: []admissionregistrationv1.MutatingWebhookConfiguration{
			{ObjectMeta: hooks, Webhooks: []admissionregistrationv1.MutatingWebhook{{Name: "deployments.sluice.dev"}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "zzzzzzzz-sluice"}, Webhooks: []admissionregistrationv1.MutatingWebhook{{Name: "kept.sluice.dev"}}},
		},
		Validating: []admissionregistrationv1.ValidatingWebhookConfiguration{{ObjectMeta: hooks, Webhooks: []admissionregistrationv1.ValidatingWebhook{{Name: "deployments.sluice.dev"}}}},
		Lease:      &coordinationv1.Lease{},
		Deployments: map[types.NamespacedName]*appsv1.Deployment{
			at("shop", "podinfo"):         deployment("shop", "podinfo", "podinfo:v1", map[string]string{config.AnnotationCanary: "true", config.AnnotationCandidate: text}, nil),
			at("shop", "podinfo-canary"):  deployment("shop", "podinfo-canary", "podinfo:v2", nil, map[string]string{config.LabelRole: config.RoleCanary}),
			at("pay", "cart"):             deployment("pay", "cart", "cart:v7", map[string]string{config.AnnotationCanary: "true"}, nil),
			at("sluice-system", "sluice"): deployment("sluice-system", "sluice", "sluice:v1", nil, nil),
		},
		Canaries: []v1alpha1.Canary{*s.canary, cart},
		Freezes:  []v1alpha1.Freeze{freeze},
		Routes:   []emergency.Route{webRoute(t)},
	}
}

// offWorld is the same cluster after Sluice was turned off, and a change.
func offWorld(t *testing.T) emergency.World {
	t.Helper()
	w := downWorld(t)
	record := emergency.Record{Stamp: emergency.Stamp{By: "olga", At: now}, Reason: "its image cannot be pulled",
		Routes: map[string]int64{"HTTPRoute shop/podinfo": 8}}
	text, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	w.Lease.Annotations = map[string]string{emergency.Annotation: string(text)}
	w.Lease.Spec.HolderIdentity = ptr.To("sluice-emergency")
	never := []admissionregistrationv1.MatchCondition{{Name: "emergency-off", Expression: "false"}}
	for i := range w.Mutating {
		w.Mutating[i].Webhooks[0].MatchConditions = never
		w.Mutating[i].Annotations = map[string]string{emergency.Annotation: record.String()}
	}
	w.Validating[0].Webhooks[0].MatchConditions, w.Validating[0].Annotations = never, w.Mutating[0].Annotations
	w.Routes[0].Route = route.Plain(w.Routes[0].Route)
	w.Routes[0].Generation = 9
	w.Deployments[types.NamespacedName{Namespace: "shop", Name: "podinfo"}].Spec.Template = template("podinfo:v3")
	w.Canaries[0].Status.CanaryWeight, w.Canaries[0].Status.Rollout, w.Canaries[0].Finalizers = 0, &v1alpha1.RolloutStatus{}, nil
	return w
}

func TestEmergencyPages(t *testing.T) {
	options := emergency.Options{By: "olga", Now: now}
	print := func(fill func(*page)) func(io.Writer) error {
		return func(out io.Writer) error { return writePage(out, fill) }
	}
	down, off := downWorld(t), offWorld(t)
	golden(t, "emergency off dry run", print(func(p *page) { p.wouldTurnOff(down, emergency.TurnOff(down, options)) }))
	golden(t, "emergency off", print(func(p *page) {
		for _, step := range emergency.TurnOff(down, options).Steps {
			p.step(step, nil)
		}
		p.turnedOff(off)
	}))
	golden(t, "emergency status", print(func(p *page) { p.emergencyStatus(off, emergency.TurnOff(off, options)) }))
	on, err := emergency.TurnOn(off, options)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "emergency on", print(func(p *page) {
		for _, step := range on.Steps() {
			p.step(step, nil)
		}
		p.turnedOn(off, true)
	}))
	golden(t, "emergency failed", print(func(p *page) {
		p.step(emergency.TurnOff(down, options).Steps[0], fmt.Errorf("leases.coordination.k8s.io \"sluice\" is forbidden"))
		p.turnedOff(down)
	}))
}
