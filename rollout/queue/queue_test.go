package queue

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func paused() (s observed.State) {
	s.Paused = &v1alpha1.PauseCause{Kind: v1alpha1.PauseRequest}
	return s
}

// gated has been at a gate for this long.
func gated(lasting time.Duration) (s observed.State) {
	s.Gate = &v1alpha1.GateStatus{Type: v1alpha1.HookConfirmPromotion, Since: metav1.NewMicroTime(now.Add(-lasting))}
	return s
}

func open(namespace, name string, state observed.State) observed.Peer {
	return observed.Peer{Namespace: namespace, Name: name, HasPlace: true, State: state}
}

// mayStart reports whether a candidate of namespace shop may start beside these.
func mayStart(limits observed.Limits, peers ...observed.Peer) bool {
	_, why := Place(observed.State{}, observed.World{Now: now, Namespace: "shop", Name: "web", Limits: limits, Peers: peers, Candidate: &workload.Candidate{At: now}}, "")
	return why == ""
}

func TestARolloutThatIsHeldCountsOnlyForItsOwnNamespace(t *testing.T) {
	member := open("other", "pay", paused())
	member.Group = "checkout"
	moving := open("other", "cart", observed.State{})
	moving.Group = "checkout"
	for name, c := range map[string]struct {
		peers  []observed.Peer
		starts bool
	}{
		"it goes on elsewhere":                  {[]observed.Peer{open("other", "a", observed.State{})}, false},
		"it is paused elsewhere":                {[]observed.Peer{open("other", "a", paused())}, true},
		"it is paused here":                     {[]observed.Peer{open("shop", "a", paused())}, false},
		"it passes a gate elsewhere":            {[]observed.Peer{open("other", "a", gated(time.Second))}, false},
		"it is kept at a gate elsewhere":        {[]observed.Peer{open("other", "a", gated(time.Hour))}, true},
		"it is kept at a gate here":             {[]observed.Peer{open("shop", "a", gated(time.Hour))}, false},
		"it is paused, and another one goes on": {[]observed.Peer{open("other", "a", paused()), open("other", "b", observed.State{})}, false},
		"one member of its group goes on":       {[]observed.Peer{member, moving}, false},
		"its whole group is paused":             {[]observed.Peer{member}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if starts := mayStart(observed.Limits{Cluster: 1}, c.peers...); starts != c.starts {
				t.Errorf("starts: %v", starts)
			}
		})
	}
}

// TestNobodyIsHeldByThePausesOfOthers holds that a candidate's place is the same with and without the held rollouts of other
// namespaces.
func TestNobodyIsHeldByThePausesOfOthers(t *testing.T) {
	states := []func() observed.State{paused, func() observed.State { return gated(time.Hour) }, func() observed.State { return gated(0) }, func() observed.State { return observed.State{} }}
	for seed := range uint64(2000) {
		chance := rand.New(rand.NewPCG(seed, 1))
		limits := observed.Limits{Cluster: 1 + chance.IntN(3), Namespace: chance.IntN(3)}
		var peers []observed.Peer
		for i := range chance.IntN(6) {
			namespace := []string{"shop", "other", "third"}[chance.IntN(3)]
			peers = append(peers, open(namespace, fmt.Sprint(i), states[chance.IntN(len(states))]()))
		}
		without := slices.DeleteFunc(slices.Clone(peers), func(p observed.Peer) bool { return p.Namespace != "shop" && p.IsHeldBack(now) })
		if mayStart(limits, peers...) != mayStart(limits, without...) {
			t.Fatalf("seed %d: limits %+v, peers %+v", seed, limits, peers)
		}
	}
}
