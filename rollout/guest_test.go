package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// accepted is a route whose gateway has accepted a generation and found its backends.
func accepted(r route.Route, generation int64) route.Route {
	r = reported(r)
	for _, kind := range []string{"Accepted", "ResolvedRefs"} {
		r.Parents[0].Conditions = append(r.Parents[0].Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: kind, ObservedGeneration: generation})
	}
	return r
}

// withGuest has a route of another namespace beside the Deployment's own. Both name the canary, and carry a weight.
func withGuest(t *testing.T, weight float64) observed.World {
	t.Helper()
	o := complete()
	o.Services[0].Spec.Ports = []corev1.ServicePort{{Port: 80}}
	o = withCanary(t, o)
	o.Written = observed.WrittenTo(o.CanaryDeployment, o.Now)
	o.Now, o.ReadyEndpoints = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), 1
	o.Gateways = append(o.Gateways, gatewayIn("infra"))
	o.Grants = []gatewayv1.ReferenceGrant{granting(serviceIn("test", "shop"), "infra"), granting(serviceIn("test", "shop-canary"), "infra")}
	for _, r := range []route.Route{o.Routes[0], sendingFrom("infra", "edge", serviceIn("test", "shop"))} {
		named, err := route.WithSplit(r, route.Split{Deployment: "shop", Namespace: "test", Primary: "shop", Canary: "shop-canary", Weight: weight})
		if err != nil {
			t.Fatal(err)
		}
		named.Generation = 2
		o.Routes = append(o.Routes, accepted(named, 2))
	}
	o.Routes = o.Routes[1:]
	return o
}

// starting is the state before the first step, with a canary that has been ready for a while.
func starting(o observed.World, readyFor time.Duration) observed.State {
	state := atFirstStep()
	ready := metav1.NewMicroTime(o.Now.Add(-readyFor))
	state.CanaryWeight, state.Rollout.Step.Number, state.Rollout.Canary.Ready = 0, 0, &ready
	state.Target = &v1alpha1.TargetStatus{Service: "shop", Routes: []string{"shop", "HTTPRoute/infra/edge"}}
	return state
}

func TestTheCanarysGrantEndsWithTheUsers(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*observed.World)
		ends   bool
	}{
		"the user's lasts":                         {func(*observed.World) {}, false},
		"the user's is gone":                       {func(o *observed.World) { o.Grants = o.Grants[1:] }, false},
		"the user's is gone, and the guest's part": {func(o *observed.World) { o.Grants, o.Routes = o.Grants[1:], o.Routes[:1] }, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := withGuest(t, 50)
			o.Grants[1] = *route.MakeGrant(serviceIn("test", "shop-canary"), []route.Key{o.Routes[1].Key()})
			c.change(&o)
			state := atFirstStep()
			state.CanaryWeight = 50
			if p := planFor(byChecks(), state, o); p.Canary.Ungrant != c.ends {
				t.Errorf("the plan is %+v", p.Canary)
			}
		})
	}
}

func TestACanaryWaitsAMinuteForTheGatewaysOfGuests(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*observed.World)
		readyFor time.Duration
		waits    bool
	}{
		"all know it":                 {func(*observed.World) {}, time.Second, false},
		"a guest's does not":          {func(o *observed.World) { o.Routes[1] = accepted(o.Routes[1], 1) }, time.Second, true},
		"a guest's does not for long": {func(o *observed.World) { o.Routes[1] = accepted(o.Routes[1], 1) }, guestLimit, false},
		"a guest is new":              {func(o *observed.World) { o.Routes[1] = accepted(route.WithoutSplit(o.Routes[1], o.Key()), 2) }, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := withGuest(t, 0)
			c.change(&o)
			p := planFor(byChecks(), starting(o, c.readyFor), o)
			if waits := p.Next.Rollout.Canary.Known == nil; waits != c.waits {
				t.Errorf("waits %v: %s", waits, p.Next.Message)
			}
			if c.waits && (!strings.Contains(p.Next.Message, "until 12:00:59 at the latest") || p.Next.Rollout.WaitingSince != nil || p.Wait > guestLimit) {
				t.Errorf("%s, since %v, looks again in %s", p.Next.Message, p.Next.Rollout.WaitingSince, p.Wait)
			}
		})
	}
}

func TestAGuestGetsWeightOnceItsGatewayKnowsTheCanary(t *testing.T) {
	for name, c := range map[string]struct {
		carries float64
		change  func(*observed.World)
		want    float64
	}{
		"it knows it":             {0, func(*observed.World) {}, 10},
		"it does not yet":         {0, func(o *observed.World) { o.Routes[1] = accepted(o.Routes[1], 1) }, 0},
		"the guest is new":        {0, func(o *observed.World) { o.Routes[1] = accepted(route.WithoutSplit(o.Routes[1], o.Key()), 2) }, 0},
		"it has known it already": {5, func(o *observed.World) { o.Routes[1] = accepted(o.Routes[1], 1) }, 10},
	} {
		t.Run(name, func(t *testing.T) {
			o := withGuest(t, c.carries)
			c.change(&o)
			known := metav1.NewMicroTime(o.Now.Add(-analysis.Settle))
			state := starting(o, time.Minute)
			state.Rollout.Step.Number, state.CanaryWeight, state.Rollout.Canary.Known = 1, 10, &known
			p := planFor(byChecks(), state, o)
			var weights []float64
			for _, r := range o.Routes {
				written, err := p.On(r, o.Key())
				split := route.SplitFor(written, o.Key())
				if err != nil || split == nil {
					t.Fatalf("%s carries no split: %v; %s", r.Key(), err, p.Next.Message)
				}
				weights = append(weights, split.Weight)
			}
			if !slices.Equal(weights, []float64{10, c.want}) || p.Next.CanaryWeight != 10 {
				t.Errorf("weights %v, want 10 and %v; %s", weights, c.want, p.Next.Message)
			}
		})
	}
}

// TestAGuestLowersNothing promotes while a guest's owner takes the canary's weight away.
func TestAGuestLowersNothing(t *testing.T) {
	o := withGuest(t, 10)
	o.Primary.Status.AvailableReplicas = 1
	o.Previous = &workload.Previous{Hash: "p", Template: o.Candidate.Template, Promoted: "c"}
	o.Candidate = nil
	o.Routes[1] = accepted(route.WithoutSplit(o.Routes[1], o.Key()), 2)
	state := starting(o, time.Minute)
	state.Phase, state.CanaryWeight = v1alpha1.PhasePromoting, 10
	if p := planFor(byChecks(), state, o); p.Next.CanaryWeight != 10 {
		t.Errorf("the canary has %v%%: %s", p.Next.CanaryWeight, p.Next.Message)
	}
}

func TestAGuestTakesNothingAwayByItsPort(t *testing.T) {
	o := withGuest(t, 10)
	o.Routes[1].Rules = []any{map[string]any{"backendRefs": []any{
		map[string]any{"name": "shop", "namespace": "test", "port": int64(9999), "weight": int64(90)},
		map[string]any{"name": "shop-canary", "namespace": "test", "port": int64(9999), "weight": int64(10)},
	}}}
	state := starting(o, time.Minute)
	state.Rollout.Step.Number, state.CanaryWeight = 1, 10
	if p := planFor(byChecks(), state, o); p.Next.CanaryWeight != 10 {
		t.Errorf("the canary has %v%%: %s", p.Next.CanaryWeight, p.Next.Message)
	}
}
