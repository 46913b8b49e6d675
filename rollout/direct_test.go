package rollout_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// putting changes the template, and admission lets it straight through.
func putting(version string, how workload.DirectWay) func(*world) {
	return func(w *world) {
		template, err := workload.TemplateOf(templateFor(version))
		if err != nil {
			w.t.Fatal(err)
		}
		w.tell("jane puts %s in directly (%s)", version, how)
		w.replace(template)
		w.candidate, w.previous = nil, nil
		w.directs = w.directs.With(workload.Direct{Hash: template.KnownHash(), How: how, Reason: "fixes the outage", By: "jane", At: w.now})
	}
}

// slipping changes the template while admission is away.
func slipping(version string) func(*world) {
	return func(w *world) {
		template, err := workload.TemplateOf(templateFor(version))
		if err != nil {
			w.t.Fatal(err)
		}
		w.tell("jane changes the template to %s past admission", version)
		w.replace(template)
	}
}

// passing is a moment in which nobody looks.
func passing(w *world) { w.now = w.now.Add(time.Millisecond) }

// TestEveryDirectChangeIsReportedOnce plays the stories of direct changes with a controller that dies between any two writes. The
// history has each change once, in the order in which they were made.
func TestEveryDirectChangeIsReportedOnce(t *testing.T) {
	for name, stories := range map[string]map[string]story{"direct": directStories, "opt-outs": optOutStories} {
		for told, s := range stories {
			for seed := range *seeds {
				var made workload.Directs
				w := playBetween(t, s, rand.New(rand.NewPCG(seed, 3)), func(w *world, _ int) {
					for _, direct := range w.directs {
						if len(made.After(direct.ID())) == len(made) {
							made = append(made, direct)
						}
					}
				})
				checkReported(t, fmt.Sprintf("%s: %s, seed %d", name, told, seed), made, w.state.History)
			}
		}
	}
}

// checkReported compares the direct changes that were made with the history. One that opts out with another template has two
// entries.
func checkReported(t *testing.T, name string, made workload.Directs, history []v1alpha1.HistoryEntry) {
	t.Helper()
	var got, want []string
	for _, entry := range slices.Backward(history) {
		if text := fmt.Sprintf("%s %v", workload.Short(entry.Candidate), entry.Requested); entry.Outcome == v1alpha1.OutcomeDirect && entry.By != "" || entry.Outcome == v1alpha1.OutcomeOptedOut {
			got = append(got, text)
		}
	}
	for _, direct := range made {
		want = append(want, fmt.Sprintf("%s %v", workload.Short(direct.Hash), ptrTo(metav1.NewMicroTime(direct.At))))
	}
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("%s: the history has %v, and made were %v", name, got, want)
	}
}

func resting(w *world) bool { return w.state.Phase == v1alpha1.PhaseInitialized }

var directStories = map[string]story{
	"a bypass while nothing is in flight is told and forgotten": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts:  []act{{resting, putting("v2", workload.DirectBypass)}},
		phase: v1alpha1.PhaseInitialized, version: "v2",
	},
	"two direct changes while nobody looks": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts: []act{{resting, func(w *world) {
			putting("v2", workload.DirectBypass)(w)
			passing(w)
			putting("v3", workload.DirectRestart)(w)
		}}},
		phase: v1alpha1.PhaseInitialized, version: "v3",
	},
	"more direct changes than are recorded while nobody looks": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts: []act{{resting, func(w *world) {
			for i := range workload.MostDirects + 3 {
				putting(fmt.Sprintf("v%d", i+2), workload.DirectBypass)(w)
				passing(w)
			}
		}}},
		phase: v1alpha1.PhaseInitialized, version: fmt.Sprintf("v%d", workload.MostDirects+4),
	},
	"a bypass in flight ends the rollout": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), putting("v3", workload.DirectBypass)}},
		phase: v1alpha1.PhaseInitialized, version: "v3",
	},
	"a direct restart in flight leaves the rollout alone": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			candidate := w.candidate
			putting("v1-restarted", workload.DirectRestart)(w)
			w.candidate = candidate
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a change past admission is taken as the primary's": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts:  []act{{resting, slipping("v2")}},
		phase: v1alpha1.PhaseInitialized, version: "v2",
	},
	"a change past admission in flight stops the candidate": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), slipping("v3")}},
		phase: v1alpha1.PhaseInitialized, version: "v3",
	},
	"a change past admission stops the candidate that waits": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, pausing}, {immediately, setting("v2")}, {atPhase(v1alpha1.PhaseWaiting), slipping("v3")}, {resting, resuming}},
		phase: v1alpha1.PhaseInitialized, version: "v3",
	},
}

// TestANewReleaseSeesNoChange checks that a new hash without a change of the Deployment is no change: only the types or the
// defaults have changed.
func TestANewReleaseSeesNoChange(t *testing.T) {
	w := newWorld(t, story{annotations: quick})
	w.tick()
	w.state.Primary.Template = "00000000"
	plan := planFor(w.policy, w.state, w.observe())
	if len(plan.Events) > 0 || len(plan.Directs) > 0 {
		t.Errorf("got %v, %v, %v", plan.Events, plan.Directs, plan.Next.Primary)
	}
}
