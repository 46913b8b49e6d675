package rollout_test

import (
	"math"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/simulate/traffic"
	"sluice.dev/sluice/rollout/plan"
)

// ownSteps has steps of the user's under the guard.
func ownSteps(change func(*config.Policy)) func(*config.Policy) {
	return func(p *config.Policy) {
		p.Guard.Ladder, p.Guard.EarlyAdvance, p.StepWeights, p.Interval = false, false, nil, time.Minute
		change(p)
	}
}

// abTest sends people who match to the canary for some iterations.
func abTest(p *config.Policy) { p.Match, p.Iterations, p.StepWeight = testers, 3, 0 }

// armStories are about where the requests of the canary come from, and what may be compared then.
var armStories = map[string]story{
	"the guard lets an A-B test with a worse base rate pass": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: ownSteps(abTest), prepare: countedBy(100, .001, .005),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the guard rolls back an A-B test above the limit": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: ownSteps(abTest), prepare: countedBy(100, .001, .06),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the guard compares the versions of an A-B test, and again in the weights after it": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .002),
		policy: ownSteps(func(p *config.Policy) { abTest(p); p.Iterations, p.StepWeights = 1, []float64{50} }),
		acts:   []act{{immediately, setting("v2")}},
		phase:  v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the guard says that it has nothing to compare in an A-B test without requests": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: ownSteps(abTest), prepare: countedBy(0, 0, 0),
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.state.Paused != nil }, func(w *world) {
			w.tell("jane gives it up")
			w.spec.Abort = &v1alpha1.Request{Candidate: "v2", Stamp: v1alpha1.Stamp{By: "jane", At: &metav1.Time{Time: w.now.Add(time.Second)}}}
		}}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the guard leaves blue-green to its tests until requests come": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: ownSteps(blueGreen), prepare: countedBy(100, .001, .001),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the guard rolls blue-green back once all requests fail": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, policy: ownSteps(blueGreen), prepare: countedBy(100, .001, .3),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the guard ends steps of the user early if the policy says so": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .001),
		policy: ownSteps(func(p *config.Policy) {
			p.StepWeights, p.Guard.EarlyAdvance = []float64{10, 50}, true
			p.Interval = 10 * time.Minute
		}),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the guard judges a newer version by its own data": {
		annotations: byGuard, behaviours: map[string]behaviour{"v2": good, "v3": good}, prepare: func(w *world) {
			countedBy(100, .001, .5)(w)
			w.metered.Onset = 95
		},
		acts:  []act{{immediately, setting("v2")}, {atStep(3), setting("v3")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}

// bothCounted has the requests of two members counted. Those of cart fail at either version for a while.
func bothCounted(g *group) {
	for _, name := range g.names {
		g.members[name].metered = countedAt(100, .001, .001)
	}
	g.members["cart"].metered.Outage = traffic.Outage{From: 20, For: 120, Errors: .2}
	all("v2")(g)
}

// checkGuard fails if the guard rolls back without proof, or ends a step in which no poll has counted, or says twice why it pauses.
func (w *world) checkGuard(p plan.Plan) {
	if strings.Count(p.Next.Message, "paused by the guard") > 1 {
		w.t.Errorf("the pause is said twice: %s", p.Next.Message)
	}
	known, was := p.Next.Open().Guard, w.state.Open()
	if known == nil || known.Judged == nil || !known.Judged.Time.Equal(w.now) {
		return
	}
	switch guard.Action(known.Action) {
	case guard.RollBack:
		if !w.proves(known) {
			w.t.Errorf("the guard rolls back for %s with evidence of %v, and %v is proof", known.Reason, known.Harm, known.Proof)
		}
	case guard.Advance:
		if polled := known.Polled; polled == nil || was.Step.InEffect != nil && polled.Time.Before(was.Step.InEffect.Time) {
			w.t.Errorf("step %d passes without a poll that counts: %s", was.Step.Number, known.Message)
		}
	}
}

// proves reports whether the guard may roll back: by proof, or by the rules of the policy for what could not be proven.
func (w *world) proves(known *v1alpha1.GuardStatus) bool {
	by := w.policy.Guard
	// Numbers in the status have three digits.
	const rounded = .99
	switch guard.Reason(known.Reason) {
	case guard.Harm:
		return known.Harm >= known.Proof && known.Proof >= rounded/by.Alpha
	case guard.Suspicious:
		return by.OnSuspicious == config.ThenRollBack && known.Harm >= rounded*math.Sqrt(known.Proof)
	case guard.Inconclusive:
		return by.OnInconclusive == config.ThenRollBack
	}
	return false
}
