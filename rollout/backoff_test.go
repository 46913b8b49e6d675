package rollout_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// judged reports whether a version is being judged.
func judged(version string) func(*world) bool {
	return func(w *world) bool {
		return w.state.Phase == v1alpha1.PhaseProgressing && w.state.Candidate.Hash == version
	}
}

// changing sets versions up to a number, each as soon as the one before is judged, as an operator does that writes the template in
// a loop.
func changing(last int) (acts []act, behaviours map[string]behaviour) {
	acts, behaviours = []act{{immediately, setting("v2")}}, map[string]behaviour{}
	for version := 3; version <= last; version++ {
		acts = append(acts, act{judged(fmt.Sprintf("v%d", version-1)), setting(fmt.Sprintf("v%d", version))})
	}
	behaviours[fmt.Sprintf("v%d", last)] = good
	return acts, behaviours
}

func changingStory(last int) story {
	acts, behaviours := changing(last)
	return story{annotations: quick, behaviours: behaviours, acts: acts, phase: v1alpha1.PhaseSucceeded, version: fmt.Sprintf("v%d", last)}
}

var backOffStories = map[string]story{
	"a template changes three times under judgement":     changingStory(5),
	"a template changes again and again under judgement": changingStory(8),
}

// TestHowLongAChangingTemplateWaits holds each supersede within an hour against the wait of the next candidate.
func TestHowLongAChangingTemplateWaits(t *testing.T) {
	spread := func(number int, apart time.Duration) (ages []time.Duration) {
		for i := range number {
			ages = append(ages, apart*time.Duration(i))
		}
		return ages
	}
	for name, c := range map[string]struct {
		ages    []time.Duration
		attempt int32
		wait    time.Duration
	}{
		"none":                          {},
		"three":                         {ages: spread(3, time.Second)},
		"four":                          {ages: spread(4, time.Second), wait: time.Minute},
		"five":                          {ages: spread(5, time.Second), wait: 2 * time.Minute},
		"seven":                         {ages: spread(7, time.Second), wait: 8 * time.Minute},
		"ten":                           {ages: spread(10, time.Second), wait: 10 * time.Minute},
		"four, the last a minute ago":   {ages: []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute}},
		"four, the first an hour ago":   {ages: []time.Duration{0, time.Second, time.Minute, time.Hour}},
		"ahead of a clock that was set": {ages: []time.Duration{-time.Hour, -time.Hour, -time.Hour, -time.Hour}},
		"a retry":                       {ages: spread(10, time.Second), attempt: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
			w.tick()
			w.set("v2")
			w.candidate.Attempt = c.attempt
			for _, age := range slices.Backward(c.ages) {
				w.state.Superseded = append(w.state.Superseded, metav1.NewMicroTime(w.now.Add(-age)))
			}
			p := planFor(w.policy, w.state, w.observe())
			waits := p.Next.Blocked != nil && p.Next.Blocked.Kind == v1alpha1.BlockedSuperseded
			if waits != (c.wait > 0) || waits && p.Wait != c.wait {
				t.Errorf("waits %v for %s: %s", waits, p.Wait, p.Next.Message)
			}
		})
	}
}

// TestTheSupersedesAreBounded lets an operator write the template every ten seconds for three hours.
func TestTheSupersedesAreBounded(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{}})
	starts, number := 0, 0
	for end := w.now.Add(3 * time.Hour); w.now.Before(end); w.now = w.now.Add(time.Second) {
		if w.now.Sub(epoch)%(10*time.Second) == 0 {
			number++
			w.set(fmt.Sprintf("v%d", number+1))
		}
		before := w.state.Phase
		w.tick()
		w.react()
		if before != v1alpha1.PhaseProgressing && w.state.Phase == v1alpha1.PhaseProgressing {
			starts++
		}
		if len(w.state.Superseded) > 10 {
			t.Fatalf("%d supersedes are listed", len(w.state.Superseded))
		}
	}
	if starts > 40 || starts < 10 {
		t.Errorf("%d rollouts have started for %d templates", starts, number)
	}
	if versionOf(w.primary.Spec.Template) != "v1" || workload.Short(w.state.Candidate.Hash) == "" {
		t.Errorf("the primary runs %s", versionOf(w.primary.Spec.Template))
	}
}
