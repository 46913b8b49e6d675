package emergency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

var errGone = errors.New("the connection is gone")

// watched is a client whose writes are seen first.
func watched(c client.WithWatch, before func(client.Object) error) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if err := before(o); err != nil {
				return err
			}
			return c.Create(ctx, o, options...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.UpdateOption) error {
			if err := before(o); err != nil {
				return err
			}
			return c.Update(ctx, o, options...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, options ...client.PatchOption) error {
			if err := before(o); err != nil {
				return err
			}
			return c.Patch(ctx, o, patch, options...)
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, name string, o client.Object, options ...client.SubResourceUpdateOption) error {
			if err := before(o); err != nil {
				return err
			}
			return c.SubResource(name).Update(ctx, o, options...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, name string, o client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			if err := before(o); err != nil {
				return err
			}
			return c.SubResource(name).Patch(ctx, o, patch, options...)
		},
	})
}

func switchFor(c client.Client) *Switch {
	return &Switch{Client: c, Namespace: DefaultNamespace, Options: byOlga, Tell: func(Step, error) {}, Wait: func(string) {}, period: time.Millisecond}
}

// turnedOff is the cluster of the tests after Sluice was turned off there.
func turnedOff(t *testing.T) World {
	t.Helper()
	c := newCluster(t).build(t)
	_, left := switchFor(c).Off(t.Context())
	NewWithT(t).Expect(left).To(BeEmpty())
	return Read(t.Context(), c, DefaultNamespace)
}

// shape is a state of the cluster in words: what may differ between two ways to the same end is left out.
func shape(t *testing.T, c client.Client) string {
	t.Helper()
	w := Read(t.Context(), c, DefaultNamespace)
	text := fmt.Sprintf("off %v, on %v, Sluice %d\n", w.IsOff(), w.IsOn(), *w.Controller().Spec.Replicas)
	for _, r := range w.Routes {
		text += fmt.Sprintf("%s %v %v\n", r.Key(), r.Annotations, r.Rules)
	}
	for _, canary := range w.Canaries {
		text += fmt.Sprintf("%s %v %v %v\n", canary.Name, canary.Finalizers, canary.Status.CanaryWeight, canary.Status.Open().Step.Number)
	}
	return text
}

// TestAnInterruptedEmergencyIsCompleted interrupts after each write, and runs again. No write gives a canary more than it has, and none
// of a route comes before Sluice is kept from acting.
func TestAnInterruptedEmergencyIsCompleted(t *testing.T) {
	g := NewWithT(t)
	whole := newCluster(t).build(t)
	writes := 0
	_, left := switchFor(watched(whole, func(client.Object) error { writes++; return nil })).Off(t.Context())
	g.Expect(left).To(BeEmpty())
	g.Expect(writes).To(BeNumerically(">", 8))
	want := shape(t, whole)
	for last := range writes {
		c := newCluster(t).build(t)
		count := 0
		interrupted, end := context.WithCancel(t.Context())
		_, left := switchFor(watched(c, func(o client.Object) error {
			if count++; count > last {
				end()
				return errGone
			}
			checkLowers(t, c, o)
			return nil
		})).Off(interrupted)
		g.Expect(left).NotTo(BeEmpty(), "after %d writes", last)
		_, left = switchFor(c).Off(t.Context())
		g.Expect(left).To(BeEmpty(), "after %d writes", last)
		g.Expect(shape(t, c)).To(Equal(want), "after %d writes", last)
	}
}

// TestALeaseThatIsRenewedMeanwhileLosesNoRecord lets the replica that reconciles renew its lease under the first write.
func TestALeaseThatIsRenewedMeanwhileLosesNoRecord(t *testing.T) {
	g := NewWithT(t)
	c := newCluster(t).build(t)
	renewed := false
	_, left := switchFor(watched(c, func(o client.Object) error {
		if _, isLease := o.(*coordinationv1.Lease); isLease && !renewed {
			renewed = true
			return apierrors.NewConflict(schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}, o.GetName(), errGone)
		}
		return nil
	})).Off(t.Context())
	g.Expect(left).To(BeEmpty())
	g.Expect(renewed).To(BeTrue())
	g.Expect(Read(t.Context(), c, DefaultNamespace).Record().Replicas).To(BeEquivalentTo(2))
}

// TestALeaderThatGivesTheLeaseBackLosesNoRecord lets the leader end after it was scaled to 0.
func TestALeaderThatGivesTheLeaseBackLosesNoRecord(t *testing.T) {
	g := NewWithT(t)
	c := newCluster(t).build(t)
	ended := false
	_, left := switchFor(watched(c, func(o client.Object) error {
		w := Read(t.Context(), c, DefaultNamespace)
		if ended || *w.Controller().Spec.Replicas > 0 {
			return nil
		}
		ended = true
		w.Lease.Spec.HolderIdentity = ptr.To("")
		return c.Update(t.Context(), w.Lease)
	})).Off(t.Context())
	g.Expect(left).To(BeEmpty())
	g.Expect(ended).To(BeTrue())
	w := Read(t.Context(), c, DefaultNamespace)
	g.Expect(w.IsOff()).To(BeTrue())
	g.Expect(w.Record().Replicas).To(BeEquivalentTo(2))
}

func checkLowers(t *testing.T, c client.Client, o client.Object) {
	t.Helper()
	w := Read(t.Context(), c, DefaultNamespace)
	for _, r := range w.Routes {
		object, isRoute := o.(interface{ UnstructuredContent() map[string]any })
		if !isRoute || o.GetName() != r.Name {
			continue
		}
		desired, err := route.FromObject(object.UnstructuredContent())
		if err != nil || route.Adds(r.Route, desired) {
			t.Errorf("%s gets %v (%v)", r.Key(), desired.Rules, err)
		}
		if !w.IsOff() {
			t.Errorf("%s is written while Sluice may act", r.Key())
		}
	}
}

func TestOneObjectThatFailsStopsNothingElse(t *testing.T) {
	g := NewWithT(t)
	c := newCluster(t).build(t)
	refused := apierrors.NewForbidden(schema.GroupResource{Group: "gateway.networking.k8s.io", Resource: "httproutes"}, "web", errors.New("a policy says no"))
	w, left := switchFor(watched(c, func(o client.Object) error {
		if o.GetName() == "web" {
			return refused
		}
		return nil
	})).Off(t.Context())
	g.Expect(left).To(ConsistOf(ContainSubstring("HTTPRoute shop/web: httproutes.gateway.networking.k8s.io \"web\" is forbidden: a policy says no")))
	g.Expect(w.IsOff()).To(BeTrue())
	g.Expect(told(TurnOff(w, byOlga).Steps)).To(Equal(strings.TrimSuffix(lowered, loweredCalls)))
}

// TestASluiceThatHonoursNoLeaseIsStopped puts the splits back after each look, as a Sluice without leader election does.
func TestASluiceThatHonoursNoLeaseIsStopped(t *testing.T) {
	g := NewWithT(t)
	w := turnedOff(t)
	for i := range w.Routes {
		w.Routes[i].Route, _ = route.WithSplit(w.Routes[i].Route, splits()[0])
	}
	w.Controller().Spec.Replicas, w.Controller().Status.AvailableReplicas = ptr.To(int32(1)), 1
	later := byOlga
	later.Now = w.Record().Stopped.Add(-time.Second)
	g.Expect(told(TurnOff(w, later).Steps)).NotTo(ContainSubstring("scaled to 0"), "it may not have noticed yet")
	later.Now = w.Record().Stopped.Add(time.Second)
	g.Expect(told(TurnOff(w, later).Steps)).To(ContainSubstring("Deployment sluice-system/sluice: scaled to 0; it had 1 replicas"))
}

func TestOnUndoesOff(t *testing.T) {
	g := NewWithT(t)
	given := newCluster(t)
	c := given.build(t)
	before := Read(t.Context(), c, DefaultNamespace)
	_, left := switchFor(c).Off(t.Context())
	g.Expect(left).To(BeEmpty())
	g.Expect(*Read(t.Context(), c, DefaultNamespace).Controller().Spec.Replicas).To(BeZero())
	g.Expect(switchFor(c).On(t.Context())).To(BeEmpty())
	after := Read(t.Context(), c, DefaultNamespace)
	for i := range after.Mutating {
		g.Expect(after.Mutating[i].Webhooks).To(Equal(before.Mutating[i].Webhooks))
		g.Expect(after.Mutating[i].Annotations).To(BeEmpty())
	}
	g.Expect(after.Validating[0].Webhooks).To(Equal(before.Validating[0].Webhooks))
	g.Expect(after.IsOn()).To(BeTrue())
	g.Expect(*after.Controller().Spec.Replicas).To(BeNumerically("==", 2))
	g.Expect(after.Record().Ended.By).To(Equal("olga"))
	on, err := TurnOn(after, byOlga)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(on.Steps()).To(BeEmpty())
}

func TestNothingIsGuardedByASluiceThatDoesNotAnswer(t *testing.T) {
	g := NewWithT(t)
	given := newCluster(t)
	given.controller.Status.AvailableReplicas = 0
	c := given.build(t)
	_, left := switchFor(c).Off(t.Context())
	g.Expect(left).To(BeEmpty())
	soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	g.Expect(switchFor(c).On(soon)).To(ContainElement(ContainSubstring("Sluice is still off: Deployment sluice-system/sluice has no available replica")))
	g.Expect(Read(t.Context(), c, DefaultNamespace).IsOff()).To(BeTrue())
	forced := switchFor(c)
	forced.Options.Force = true
	g.Expect(forced.On(t.Context())).To(BeEmpty())
	g.Expect(Read(t.Context(), c, DefaultNamespace).IsOn()).To(BeTrue())
}

// TestASluiceThatHasNeverRunIsBroughtBackByForce checks that the way out is told: without the lease, no replica gets ready.
func TestASluiceThatHasNeverRunIsBroughtBackByForce(t *testing.T) {
	g := NewWithT(t)
	w := Read(t.Context(), newCluster(t).build(t), DefaultNamespace)
	g.Expect(w.NotReady()).To(BeEmpty())
	w.Controller().Status.AvailableReplicas = 0
	g.Expect(w.NotReady()).NotTo(ContainSubstring("--force"))
	w.Mutating[0].Webhooks[0].ClientConfig.CABundle = nil
	g.Expect(w.NotReady()).To(ContainSubstring("when its pods run, use --force"))
}

func TestChanges(t *testing.T) {
	g := NewWithT(t)
	w := turnedOff(t)
	for i := range w.Routes {
		w.Routes[i].Generation++ // as the API server counts the write
	}
	g.Expect(Changes(w)).To(HaveLen(1), "only candidates are held back: %v", Changes(w))

	podinfo := w.Deployments[types.NamespacedName{Namespace: "shop", Name: "podinfo"}]
	podinfo.Spec.Template.Spec.Containers[0].Image = "podinfo:v3"
	for i := range w.Routes {
		w.Routes[i].Generation++
	}
	w.Routes = w.Routes[:1]
	added := deployment("shop", "new", "new:v1", 1)
	added.Annotations = map[string]string{"sluice.dev/canary": "true"}
	w.Deployments[types.NamespacedName{Namespace: "shop", Name: "new"}] = added
	delete(w.Deployments[types.NamespacedName{Namespace: "shop", Name: "cart"}].Annotations, "sluice.dev/canary")
	waiting := w.Canaries[slices.IndexFunc(w.Canaries, func(c v1alpha1.Canary) bool { return c.Name == "podinfo" })].DeepCopy()
	waiting.Status.Phase, waiting.Status.Rollout = v1alpha1.PhaseWaiting, nil
	candidate, err := workload.CandidateOf(podinfo.Annotations)
	g.Expect(err).NotTo(HaveOccurred())
	waiting.Status.Candidate = v1alpha1.CandidateStatus{Hash: candidate.Hash, Attempt: candidate.Attempt, Requested: &v1alpha1.Requester{At: stampOf(candidate.At)}}
	g.Expect(heldCandidate(waiting, podinfo, true)).To(HaveSuffix("is cancelled, because the primary's template changed"), "Sluice knows that %s waits", candidate.Hash)
	waiting.Status.Candidate.Hash = "other"
	g.Expect(heldCandidate(waiting, podinfo, true)).To(ContainSubstring("would replace the template that the primary has now"))
	var items []string
	for _, list := range Changes(w) {
		items = append(items, list.Items...)
	}
	g.Expect(items).To(ConsistOf(
		MatchRegexp(`^Deployment shop/podinfo: template [0-9a-f]{8} in place of [0-9a-f]{8} \(app=podinfo:v3\)`),
		Equal("Deployment shop/new was opted in"), Equal("Deployment shop/cart was opted out"),
		Equal("GRPCRoute shop/calls was deleted"), MatchRegexp(`^HTTPRoute shop/web: generation \d in place of \d$`),
		MatchRegexp(`^Deployment shop/podinfo: [0-9a-f]{8} from jane is cancelled, because the primary's template changed$`),
		MatchRegexp(`^Deployment shop/cart: [0-9a-f]{8} from jane begins with the first step; to stop it: kubectl sluice abort cart -n shop$`),
	))
}

func TestWhatAGatewayHasNotConfirmedIsTold(t *testing.T) {
	g := NewWithT(t)
	given := newCluster(t)
	given.route.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	c := given.build(t)
	g.Expect(Unconfirmed(Read(t.Context(), c, DefaultNamespace)).Items).To(BeEmpty(), "nothing was given back yet")
	w, left := switchFor(c).Off(t.Context())
	g.Expect(left).To(BeEmpty())
	g.Expect(Unconfirmed(w).Items).To(Equal([]string{"HTTPRoute shop/web: Gateway shop/gateway has not reported on generation 3: is its controller running?"}))
}

// TestNoWebhookIsCalledWithoutTheOneBeforeIt looks at the webhooks before each write of turning Sluice off and on.
func TestNoWebhookIsCalledWithoutTheOneBeforeIt(t *testing.T) {
	g := NewWithT(t)
	c := newCluster(t).build(t)
	looks := 0
	looked := watched(c, func(client.Object) error {
		looks++
		var called []string
		for _, h := range Read(t.Context(), c, DefaultNamespace).calling() {
			if called = append(called, h.configuration); h.configuration != "MutatingWebhookConfiguration zz-sluice" {
				g.Expect(called).To(ContainElement("MutatingWebhookConfiguration zz-sluice"), "%v", called)
			}
		}
		return nil
	})
	_, left := switchFor(looked).Off(t.Context())
	g.Expect(left).To(BeEmpty())
	g.Expect(switchFor(looked).On(t.Context())).To(BeEmpty())
	g.Expect(looks).To(BeNumerically(">", 12))
}
