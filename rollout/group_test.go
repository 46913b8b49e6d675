package rollout_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// group is several worlds with one clock, whose Deployments form a group.
type group struct {
	t       *testing.T
	names   []string
	members map[string]*world
	log     []string
	told    map[string]int
	// shared is the route of all members; nil if each has its own.
	shared *route.Route
}

func newGroup(t *testing.T, behaviours map[string]map[string]behaviour, settings map[string]map[string]string) *group {
	g := &group{t: t, members: map[string]*world{}, told: map[string]int{}}
	for _, name := range []string{"cart", "pay", "shop"} {
		if behaviours[name] == nil {
			continue
		}
		annotations := map[string]string{config.AnnotationGroup: "checkout", config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "60s"}
		for key, value := range settings[name] {
			annotations[key] = value
		}
		w := newWorld(t, story{annotations: annotations, behaviours: behaviours[name]})
		w.peers = func() []observed.Peer { return g.peersOf(name) }
		g.names, g.members[name] = append(g.names, name), w
	}
	return g
}

func (g *group) peersOf(name string) []observed.Peer {
	var peers []observed.Peer
	for _, other := range g.names {
		w := g.members[other]
		if other != name {
			peer := observed.Peer{Namespace: "test", Name: other, Group: w.policy.Group, HasPlace: observed.HasPlace(w.state),
				Held: w.candidate != nil && w.candidate.Mark == workload.MarkNone, State: *w.state.DeepCopy()}
			if w.shares {
				peer.Policy = &w.policy
			}
			peers = append(peers, peer)
		}
	}
	return peers
}

// gather adds the story that a member has told since to that of the group.
func (g *group) gather(name string) {
	w := g.members[name]
	for _, line := range w.log[g.told[name]:] {
		g.log = append(g.log, fmt.Sprintf("%-5s%s", name, line))
	}
	g.told[name] = len(w.log)
}

// checkBarriers fails if a member is a step ahead of one that was there when it took the step, or if one settles alone.
func (g *group) checkBarriers(name string, before v1alpha1.CanaryStatus) {
	w := g.members[name]
	for _, other := range g.names {
		p := g.members[other]
		together := other != name && w.policy.Group != "" && p.policy.Group == w.policy.Group
		if !together || p.state.Phase != v1alpha1.PhaseProgressing || p.state.Open().Group == nil {
			continue
		}
		if last := int32(len(p.state.Plan.Steps)); w.state.Open().Step.Number > before.Open().Step.Number && before.Open().Step.Number > 0 && p.state.Open().Group.Passed < min(before.Open().Step.Number, last) {
			g.t.Errorf("%s takes step %d and %s has passed %d", name, w.state.Open().Step.Number, other, p.state.Open().Group.Passed)
		}
		if w.state.Phase == v1alpha1.PhasePromoting && before.Phase == v1alpha1.PhaseProgressing && p.state.Open().Group.Passed < int32(len(p.state.Plan.Steps)) {
			g.t.Errorf("%s is promoted and %s has passed %d of %d steps", name, other, p.state.Open().Group.Passed, len(p.state.Plan.Steps))
		}
	}
}

// checkLimit fails if a rollout starts beyond the limit of the cluster. A group counts as one.
func (g *group) checkLimit(name string, before v1alpha1.CanaryStatus) {
	w := g.members[name]
	if w.limits.Cluster == 0 || observed.Active(before) || w.state.Phase != v1alpha1.PhaseProgressing {
		return
	}
	slots := map[string]bool{}
	for _, other := range g.names {
		if p := g.members[other]; observed.Active(p.state) {
			slots[cmp.Or(p.policy.Group, other)] = true
		}
	}
	if len(slots) > w.limits.Cluster {
		g.t.Errorf("%s begins as rollout %d of %d", name, len(slots), w.limits.Cluster)
	}
}

// play runs all members to their end. With a source of chance they tick in any order, react late and crash.
func (g *group) play(acts []groupAct, chance *rand.Rand) {
	for range mostTicks {
		if len(acts) > 0 && acts[0].when(g) {
			acts[0].do(g)
			acts = acts[1:]
		}
		busy, wait := false, time.Hour
		names := append([]string(nil), g.names...)
		if chance != nil {
			chance.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		}
		for _, name := range names {
			w := g.members[name]
			w.crash = -1
			if chance != nil && chance.IntN(4) == 0 {
				w.crash = chance.IntN(8)
			}
			if g.shared != nil {
				w.route = *g.shared
			}
			before, state := w.snapshot(), *w.state.DeepCopy()
			plan, survived := w.tick()
			g.checkBarriers(name, state)
			g.checkLimit(name, state)
			if chance == nil || chance.IntN(2) == 0 {
				w.react()
			}
			if g.shared != nil {
				g.shared = &w.route
			}
			g.gather(name)
			if w.changedSince(before) || !survived || w.reactsLate() {
				busy = true
			} else if plan.Wait > 0 {
				wait = min(wait, plan.Wait)
			}
			busy = busy || observed.Active(w.state) && plan.Wait == 0
		}
		switch {
		case busy:
			wait = 100 * time.Millisecond
		case wait == time.Hour && len(acts) == 0:
			return
		case wait == time.Hour:
			wait = time.Second
		}
		for _, w := range g.members {
			w.now = w.now.Add(wait)
		}
	}
	for _, name := range g.names {
		w := g.members[name]
		g.log = append(g.log, fmt.Sprintf("%s stands at %s: %s", name, w.state.Phase, w.state.Message))
	}
	g.t.Fatalf("the story does not end\n%s", strings.Join(g.log, "\n"))
}

type groupAct struct {
	when func(*group) bool
	do   func(*group)
}

func at(name string, condition func(*world) bool) func(*group) bool {
	return func(g *group) bool { return condition(g.members[name]) }
}

func all(version string) func(*group) {
	return func(g *group) {
		for _, name := range g.names {
			g.members[name].set(version)
		}
	}
}

func withoutRoute(g *group) {
	w := g.members["shop"]
	w.tell("there is no route")
	w.served = false
}

func only(name string, do func(*world)) func(*group) {
	return func(g *group) { do(g.members[name]) }
}

var groupStories = map[string]struct {
	behaviours map[string]map[string]behaviour
	settings   map[string]map[string]string
	acts       []groupAct
	// versions are what the primaries run in the end.
	versions string
}{
	"an outage of one member returns no step": {
		behaviours: bothGood(), settings: map[string]map[string]string{"cart": byGuard, "shop": byGuard},
		acts: []groupAct{{at("cart", immediately), bothCounted}}, versions: "cart=v2 shop=v2",
	},
	"two good versions are promoted together": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		acts:       []groupAct{{at("cart", immediately), all("v2")}},
		versions:   "cart=v2 shop=v2",
	},
	"one bad version rolls all back": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "pay": {"v2": good}, "shop": {"v2": failing}},
		acts:       []groupAct{{at("cart", immediately), all("v2")}},
		versions:   "cart=v1 pay=v1 shop=v1",
	},
	"a member with fewer steps waits at its last": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		settings:   map[string]map[string]string{"cart": {config.AnnotationMaxWeight: "40"}, "shop": {config.AnnotationMaxWeight: "10"}},
		acts:       []groupAct{{at("cart", immediately), all("v2")}},
		versions:   "cart=v2 shop=v2",
	},
	"a member without a candidate takes no part": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		acts:       []groupAct{{at("cart", immediately), only("cart", setting("v2"))}},
		versions:   "cart=v2 shop=v1",
	},
	"a member gives way to another whose pods a quota refuses": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		acts: []groupAct{{at("cart", immediately), func(g *group) {
			// The canary of cart has what shop needs beside the place of its own canary.
			g.members["shop"].quota, g.members["shop"].beside = 11, g.members["cart"]
			all("v2")(g)
		}}},
		versions: "cart=v2 shop=v2",
	},
	"a member that comes late is awaited": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		acts:       []groupAct{{at("cart", immediately), only("cart", setting("v2"))}, {at("cart", atStep(2)), only("shop", setting("v2"))}},
		versions:   "cart=v2 shop=v2",
	},
	"the abort of one rolls all back": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		acts:       []groupAct{{at("cart", immediately), all("v2")}, {at("cart", atStep(1)), only("cart", aborting("v2", 0))}},
		versions:   "cart=v1 shop=v1",
	},
	"one primary that does not get ready takes all promotions back": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": {successRate: 100, p99: 20, requests: 100, primaryNotReady: true}}},
		acts:       []groupAct{{at("cart", immediately), all("v2")}},
		versions:   "cart=v1 shop=v1",
	},
	"a member that is not judged waits for the others": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		settings:   map[string]map[string]string{"cart": {config.AnnotationSkipAnalysis: "true"}},
		acts:       []groupAct{{at("cart", immediately), all("v2")}},
		versions:   "cart=v2 shop=v2",
	},
	"a member without a route holds the others until the progress deadline": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		acts:       []groupAct{{at("cart", immediately), withoutRoute}, {at("cart", immediately), all("v2")}},
		versions:   "cart=v1 shop=v1",
	},
	"a member whose canary a policy would miss holds the others until the progress deadline": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		acts:       []groupAct{{at("cart", immediately), only("shop", finding(denied))}, {at("cart", immediately), all("v2")}},
		versions:   "cart=v1 shop=v1",
	},
	"a member that passed all its steps and starts again is awaited": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		settings:   map[string]map[string]string{"shop": {config.AnnotationInterval: "30s"}},
		acts: []groupAct{{at("cart", immediately), all("v2")},
			{at("cart", func(w *world) bool { return w.state.Open().Group != nil && w.state.Open().Group.Passed == 2 }), only("cart", crashing)},
			{at("cart", func(w *world) bool { return w.state.Open().Step.Number == 0 }), only("cart", recovering)}},
		versions: "cart=v2 shop=v2",
	},
	"a member without a route gets it in time": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		acts: []groupAct{{at("cart", immediately), withoutRoute}, {at("cart", immediately), all("v2")},
			{at("cart", after(50*time.Second)), only("shop", func(w *world) {
				w.tell("the route is made")
				w.served = true
			})}},
		versions: "cart=v2 shop=v2",
	},
	"a member that is frozen costs nothing": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		acts: []groupAct{{at("cart", immediately), only("shop", freezing(v1alpha1.FreezeStart))}, {at("cart", immediately), all("v2")},
			{at("cart", after(3*time.Minute)), only("shop", unfreezing)}},
		versions: "cart=v2 shop=v2",
	},
	"a member that has not begun is given up with the others": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": failing}, "shop": {"v2": good}},
		acts: []groupAct{{at("cart", immediately), only("shop", freezing(v1alpha1.FreezeStart))}, {at("cart", immediately), all("v2")},
			{at("cart", after(3*time.Minute)), only("shop", unfreezing)}},
		versions: "cart=v1 shop=v1",
	},
	"a member that was given up with the others is tried alone": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": failing}, "shop": {"v2": good}},
		acts: []groupAct{{at("cart", immediately), only("shop", freezing(v1alpha1.FreezeStart))}, {at("cart", immediately), all("v2")},
			{at("shop", inPhase(v1alpha1.PhaseFailed)), only("shop", retrying("v2", 0))}, {at("shop", after(time.Minute)), only("shop", unfreezing)}},
		versions: "cart=v1 shop=v2",
	},
	"a member with strategy Recreate is taken back": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": {successRate: 100, p99: 20, requests: 100, primaryNotReady: true}}},
		acts:       []groupAct{{at("cart", immediately), only("cart", recreate)}, {at("cart", immediately), all("v2")}},
		versions:   "cart=v1 shop=v1",
	},
	"a member that has passed stays passed while its checks lack data": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		settings:   map[string]map[string]string{"shop": {config.AnnotationInterval: "40s"}},
		acts: []groupAct{{at("cart", immediately), all("v2")},
			{at("cart", hasPassed(1)), only("cart", behaves(silent, "gets no requests"))},
			{at("cart", atStep(2)), only("cart", behaves(good, "gets requests"))},
			{at("cart", hasPassed(2)), only("cart", behaves(silent, "gets no requests"))}},
		versions: "cart=v2 shop=v2",
	},
	"a member that has passed and then fails rolls all back": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		settings:   map[string]map[string]string{"shop": {config.AnnotationInterval: "4m"}},
		acts:       []groupAct{{at("cart", immediately), all("v2")}, {at("cart", hasPassed(1)), only("cart", behaves(failing, "fails half of its requests"))}},
		versions:   "cart=v1 shop=v1",
	},
	"a wait for a paused member costs nothing": {
		behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}},
		acts: []groupAct{{at("cart", immediately), all("v2")}, {at("shop", atStep(1)), only("shop", pausing)},
			{at("shop", after(3*time.Minute)), only("shop", resuming)}},
		versions: "cart=v2 shop=v2",
	},
}

// hasPassed waits for a member of a group to have passed a step.
func hasPassed(step int32) func(*world) bool {
	return func(w *world) bool { return w.state.Open().Group != nil && w.state.Open().Group.Passed >= step }
}

// TestWhoIsAwaited checks which members keep another one at its first step.
func TestWhoIsAwaited(t *testing.T) {
	steps := []v1alpha1.PlannedStep{{Weight: 10}, {Weight: 20}}
	const judged, ends = v1alpha1.PhaseProgressing, v1alpha1.PhaseFinalising
	passed := func(step int32) *v1alpha1.RolloutStatus {
		return &v1alpha1.RolloutStatus{Group: &v1alpha1.GroupStatus{Name: "checkout", Passed: step}}
	}
	for name, c := range map[string]struct {
		peer    observed.Peer
		awaited bool
	}{
		"one that has passed nothing":                             {observed.Peer{State: v1alpha1.CanaryStatus{Phase: judged, Plan: v1alpha1.PlanStatus{Steps: steps}}}, true},
		"one that has passed the step":                            {observed.Peer{State: v1alpha1.CanaryStatus{Phase: judged, Plan: v1alpha1.PlanStatus{Steps: steps}, Rollout: passed(1)}}, false},
		"one that is promoted":                                    {observed.Peer{State: v1alpha1.CanaryStatus{Phase: v1alpha1.PhasePromoting, Plan: v1alpha1.PlanStatus{Steps: steps}}}, false},
		"one that ends well":                                      {observed.Peer{State: v1alpha1.CanaryStatus{Phase: ends, Candidate: v1alpha1.CandidateStatus{Outcome: v1alpha1.OutcomeSucceeded}}}, false},
		"one that was taken back":                                 {observed.Peer{State: v1alpha1.CanaryStatus{Phase: ends, Candidate: v1alpha1.CandidateStatus{Outcome: v1alpha1.OutcomeCancelled}}}, false},
		"one whose newer candidate is about to begin":             {observed.Peer{State: v1alpha1.CanaryStatus{Phase: ends, Candidate: v1alpha1.CandidateStatus{Outcome: v1alpha1.OutcomeSuperseded}, Rollout: passed(2)}}, true},
		"one without a candidate":                                 {observed.Peer{State: v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseInitialized}}, false},
		"one whose candidate has not begun":                       {observed.Peer{Held: true, State: v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseInitialized}}, true},
		"one that waits":                                          {observed.Peer{Held: true, State: v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseWaiting, CanaryStanding: v1alpha1.CanaryStanding{Paused: &v1alpha1.PauseCause{Kind: v1alpha1.PauseRequest, Text: "paused"}}}}, true},
		"one of another group":                                    {observed.Peer{Group: "other", State: v1alpha1.CanaryStatus{Phase: judged}}, false},
		"one of another namespace":                                {observed.Peer{Namespace: "other", State: v1alpha1.CanaryStatus{Phase: judged}}, false},
		"one whose steps are not known yet, that has none passed": {observed.Peer{State: v1alpha1.CanaryStatus{Phase: judged}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := withWeight(t)
			w.policy.Group = "checkout"
			c.peer.Namespace, c.peer.Name, c.peer.Group = cmp.Or(c.peer.Namespace, "test"), "peer", cmp.Or(c.peer.Group, "checkout")
			w.peers = func() []observed.Peer { return []observed.Peer{c.peer} }
			for end := w.now.Add(30 * time.Second); w.now.Before(end) && w.state.Open().Step.Number == 1; w.now = w.now.Add(time.Second) {
				w.tick()
				w.react()
			}
			if waits := w.state.Open().Step.Number == 1; waits != c.awaited {
				t.Errorf("at step %d: %s", w.state.Open().Step.Number, w.state.Message)
			}
		})
	}
}

// TestWhoRollsTheGroupBack checks which ends of another member's rollout roll a rollout back.
func TestWhoRollsTheGroupBack(t *testing.T) {
	at := func(d time.Duration) *metav1.MicroTime { moment := metav1.NewMicroTime(epoch.Add(d)); return &moment }
	ended := func(outcome v1alpha1.Outcome, d time.Duration) v1alpha1.CanaryStatus {
		return v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseFailed, CanaryRecord: v1alpha1.CanaryRecord{History: []v1alpha1.HistoryEntry{{Outcome: outcome, Finished: *at(d)}}}}
	}
	const before, since = -time.Second, time.Second
	ends := v1alpha1.PhaseFinalising
	for name, c := range map[string]struct {
		state v1alpha1.CanaryStatus
		back  bool
	}{
		"one that is rolled back":                    {v1alpha1.CanaryStatus{Phase: ends, Candidate: v1alpha1.CandidateStatus{Outcome: v1alpha1.OutcomeFailed}, Rollout: &v1alpha1.RolloutStatus{Decided: at(since)}}, true},
		"one that is aborted":                        {v1alpha1.CanaryStatus{Phase: ends, Candidate: v1alpha1.CandidateStatus{Outcome: v1alpha1.OutcomeAborted}, Rollout: &v1alpha1.RolloutStatus{Decided: at(since)}}, true},
		"one that was rolled back before this began": {v1alpha1.CanaryStatus{Phase: ends, Candidate: v1alpha1.CandidateStatus{Outcome: v1alpha1.OutcomeFailed}, Rollout: &v1alpha1.RolloutStatus{Decided: at(before)}}, false},
		"one that is superseded":                     {v1alpha1.CanaryStatus{Phase: ends, Candidate: v1alpha1.CandidateStatus{Outcome: v1alpha1.OutcomeSuperseded}, Rollout: &v1alpha1.RolloutStatus{Decided: at(since)}}, false},
		"one whose primary gets its old template":    {v1alpha1.CanaryStatus{Phase: v1alpha1.PhasePromoting, Rollout: &v1alpha1.RolloutStatus{Promotion: v1alpha1.PromotionStatus{Restoring: true}}}, true},
		"one that has failed":                        {ended(v1alpha1.OutcomeFailed, since), true},
		"one that had failed before this began":      {ended(v1alpha1.OutcomeFailed, before), false},
		"one that was taken back":                    {ended(v1alpha1.OutcomeCancelled, since), false},
		"one that was never rolled out":              {v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseInitialized}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := withWeight(t)
			w.policy.Group = "checkout"
			w.peers = func() []observed.Peer {
				return []observed.Peer{{Namespace: "test", Name: "peer", Group: "checkout", State: c.state}}
			}
			w.tick()
			if back := w.state.Candidate.Outcome == v1alpha1.OutcomeFailed; back != c.back {
				t.Errorf("rolled back %v: %s", back, w.state.Message)
			}
		})
	}
}

func (g *group) check(versions string) {
	g.t.Helper()
	var found []string
	for _, name := range g.names {
		w := g.members[name]
		found = append(found, name+"="+versionOf(w.primary.Spec.Template))
		w.checkEnd()
	}
	if got := strings.Join(found, " "); got != versions {
		g.t.Errorf("in the end it is %s, not %s", got, versions)
	}
	if g.t.Failed() {
		g.t.Log(strings.Join(g.log, "\n"))
	}
}

func TestGroups(t *testing.T) {
	for name, s := range groupStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGroup(t, s.behaviours, s.settings)
			g.play(s.acts, nil)
			g.check(s.versions)
			checkGolden(t, "group "+name, g.log)
		})
	}
}

// TestGroupsWithLateReactionsAndCrashes plays the members in any order, with crashes between any two writes.
func TestGroupsWithLateReactionsAndCrashes(t *testing.T) {
	for name, s := range groupStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range *seeds {
				g := newGroup(t, s.behaviours, s.settings)
				g.play(s.acts, rand.New(rand.NewPCG(seed, 3)))
				g.check(s.versions)
				if t.Failed() {
					t.Fatalf("with seed %d", seed)
				}
			}
		})
	}
}

// randomMember gives one member its own strategy, hooks and behaviour, and requests at any moment. It may share its group
// and its slot with others.
func randomMember(w *world, name string, chance *rand.Rand, limits observed.Limits) {
	w.primary.Name = name
	randomPolicy(chance)(&w.policy)
	randomWorld(chance)(w)
	w.limits, w.rand = limits, chance
	if chance.IntN(4) == 0 {
		w.policy.Group = ""
	}
}

func randomGroupActs(names []string, chance *rand.Rand) []groupAct {
	acts := []groupAct{{at(names[0], immediately), all("v2")}}
	for range 1 + chance.IntN(6) {
		name := names[chance.IntN(len(names))]
		kinds := randomActs(chance)[1:]
		chosen := kinds[chance.IntN(len(kinds))]
		acts = append(acts, groupAct{at(name, chosen.when), only(name, chosen.do)})
	}
	return append(acts, groupAct{at(names[0], after(3*time.Minute)), func(g *group) {
		for _, name := range names {
			calm(g.members[name])
		}
	}})
}

// TestRandomGroups plays members with any strategies, hooks, freezes and requests. Some are in a group, some wait for each
// other in the queue. All end, whatever was requested.
func TestRandomGroups(t *testing.T) {
	t.Parallel()
	for seed := range 10 * *seeds {
		chance := rand.New(rand.NewPCG(seed, 4))
		v2 := func() map[string]behaviour { return map[string]behaviour{"v2": good, "v3": failing} }
		g := newGroup(t, map[string]map[string]behaviour{"cart": v2(), "pay": v2(), "shop": v2()}, nil)
		limits := observed.Limits{Cluster: chance.IntN(3)}
		for _, name := range g.names {
			randomMember(g.members[name], name, chance, limits)
		}
		g.play(randomGroupActs(g.names, chance), chance)
		for _, name := range g.names {
			g.members[name].checkEnd()
			g.members[name].checkVersion()
		}
		if t.Failed() {
			t.Fatalf("with seed %d\n%s", seed, strings.Join(g.log, "\n"))
		}
	}
}
