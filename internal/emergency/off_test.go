package emergency

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

var byOlga = Options{By: "olga", Reason: "its image is gone", Now: noon}

const (
	silenced = `ValidatingWebhookConfiguration zz-sluice: the API server does not call Sluice
MutatingWebhookConfiguration zzzzzzzz-sluice: the API server does not call Sluice
MutatingWebhookConfiguration zz-sluice: the API server does not call Sluice
`
	lowered = `HTTPRoute shop/web: all requests go to the primary; cart-canary had 20%; podinfo-canary had 50%, the requests that match, the users with its cookie, copies of 20%
` + loweredCalls
	loweredCalls = "GRPCRoute shop/calls: all requests go to the primary; podinfo-canary had 50%, the requests that match, copies of 20%\n"
	leaseTaken   = "Lease sluice-system/sluice: no replica of Sluice reconciles\n"
	cart         = "Canary shop/cart: its rollout waits before the first step\nCanary shop/cart: its deletion does not wait for Sluice\n"
	podinfo      = "Canary shop/podinfo: its rollout waits before the first step\nCanary shop/podinfo: its deletion does not wait for Sluice\n"
)

func TestTurnOff(t *testing.T) {
	for name, c := range map[string]struct {
		given      func(*cluster)
		force      bool
		steps      string
		kept, left string
		stopped    time.Duration
		replicas   int32
	}{
		"Sluice is down": {
			given: func(c *cluster) { c.controller.Status.AvailableReplicas = 0 },
			steps: leaseTaken + silenced + lowered + cart + podinfo,
		},
		"Sluice has never run": {
			given: func(c *cluster) { c.controller.Status.AvailableReplicas, c.lease = 0, nil },
			steps: leaseTaken + silenced + lowered + cart + podinfo,
		},
		"Sluice runs, and reconciles": {
			given: func(c *cluster) {
				now := metav1.NewMicroTime(noon.Add(-time.Second))
				c.lease.Spec.RenewTime = &now
			},
			steps:   leaseTaken + "Deployment sluice-system/sluice: scaled to 0; it had 2 replicas\n" + silenced + lowered + cart + podinfo,
			stopped: 14 * time.Second, replicas: 2,
		},
		"only the canary answers": {
			given: func(c *cluster) { c.controller.Status.AvailableReplicas, c.cart.Status.AvailableReplicas = 0, 0 },
			steps: leaseTaken + silenced + strings.Replace(lowered, " cart-canary had 20%;", "", 1) + podinfo,
			kept:  "HTTPRoute shop/web: cart-canary keeps 20%, because Deployment shop/cart has no available replica and only its canary answers",
		},
		"only the canary answers, and it is forced": {
			given: func(c *cluster) { c.controller.Status.AvailableReplicas, c.cart.Status.AvailableReplicas = 0, 0 },
			force: true,
			steps: leaseTaken + silenced + lowered + cart + podinfo,
		},
		"the primary has the candidate already": {
			given: func(c *cluster) {
				c.controller.Status.AvailableReplicas = 0
				c.podinfoState.Status.Phase = v1alpha1.PhasePromoting
				c.podinfo.Annotations[config.AnnotationPrevious] = "{}"
			},
			steps: leaseTaken + silenced + lowered + cart + "Canary shop/podinfo: its deletion does not wait for Sluice\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			given := newCluster(t)
			c.given(given)
			w := Read(t.Context(), given.build(t), DefaultNamespace)
			g.Expect(w.Unread).To(BeEmpty())
			options := byOlga
			options.Force = c.force
			off := TurnOff(w, options)
			g.Expect(told(off.Steps)).To(Equal(c.steps))
			g.Expect(strings.Join(off.Kept, "\n")).To(HavePrefix(c.kept))
			g.Expect(off.Kept == nil).To(Equal(c.kept == ""))
			g.Expect(strings.Join(off.Left, "\n")).To(Equal(c.left))
			g.Expect(off.Record.Stopped.Sub(noon)).To(Equal(c.stopped))
			g.Expect(off.Record.Replicas).To(Equal(c.replicas))
		})
	}
}

// TestAnAnnotationThatCannotBeReadIsLeft checks that the other routes are not given up with it.
func TestAnAnnotationThatCannotBeReadIsLeft(t *testing.T) {
	g := NewWithT(t)
	given := newCluster(t)
	w := Read(t.Context(), given.build(t), DefaultNamespace)
	w.Routes[0].Annotations = map[string]string{config.AnnotationSplit: "{"}
	off := TurnOff(w, byOlga)
	g.Expect(off.Left).To(ConsistOf(ContainSubstring("HTTPRoute shop/web: metadata.annotations[sluice.dev/split]: must be JSON")))
	g.Expect(told(off.Steps)).To(ContainSubstring("GRPCRoute shop/calls: all requests go to the primary"))
}
