package rollout_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
)

// round is the last round of queries and the samples of that moment.
type round struct {
	name    string
	asked   time.Time
	samples []analysis.Sample
}

// samples returns the samples of the round that is needed. With a source of chance they arrive later.
func (w *world) samples(needs rollout.Needs) ([]analysis.Sample, time.Time) {
	if len(needs.Queries) == 0 {
		w.round = round{}
		return nil, time.Time{}
	}
	if w.round.name != needs.Round {
		w.round = round{name: needs.Round, asked: w.now}
		for _, query := range needs.Queries {
			sample := w.sample(query.Metric)
			sample.Check, sample.Missing = query.Check, sample.Missing || !w.sees(query)
			w.round.samples = append(w.round.samples, sample)
		}
	}
	if w.rand != nil && w.rand.IntN(2) == 0 {
		w.pending = true
		return nil, time.Time{}
	}
	return w.round.samples, w.round.asked
}

// inFirstStep is a world whose first step has just begun.
func inFirstStep(t *testing.T, annotations map[string]string) *world {
	return inFirstStepOf(newWorld(t, story{annotations: annotations, behaviours: map[string]behaviour{"v2": good}}))
}

func inFirstStepOf(w *world) *world {
	w.tick()
	w.set("v2")
	for range 1000 {
		if w.state.Open().Step.Number == 1 && w.state.Open().Step.InEffect != nil {
			return w
		}
		w.tick()
		w.react()
		w.now = w.now.Add(100 * time.Millisecond)
	}
	w.t.Fatal("the first step never begins")
	return nil
}

// atItsEnd is a world whose first step has passed all checks until a second before its end. Now
// is the end plus an offset.
func atItsEnd(t *testing.T, offset time.Duration) (*world, time.Time) {
	w := inFirstStep(t, quick)
	w.policy.Interval, w.policy.ExplicitSteps = 3*time.Second, nil
	for _, weight := range []float64{10, 20, 30} {
		w.policy.ExplicitSteps = append(w.policy.ExplicitSteps, config.Step{Weight: weight, Duration: 10 * time.Second})
	}
	ends := w.state.Open().Step.InEffect.Add(10 * time.Second)
	w.now = ends.Add(-time.Second)
	w.tick()
	if checks := w.state.Checks; len(checks) == 0 || !w.state.LastCheckTime.Time.Equal(w.now) {
		t.Fatalf("no check a second before the end: %+v", w.state)
	}
	w.now = ends.Add(offset)
	return w, ends
}

func TestSamplesCountFromTheMomentWhenTheyWereAskedFor(t *testing.T) {
	const held = "waits: its checks have been due since 12:00:12 and are not answered yet"
	for name, c := range map[string]struct {
		now     time.Duration // after the end of the step
		asked   *time.Duration
		step    int32
		message string
	}{
		"not there yet":                        {now: 0, step: 1, message: "until 12:00:12: request-success-rate 100.00%"},
		"not there yet, as late as may be":     {now: 9 * time.Second, step: 1, message: "until 12:00:12: request-success-rate 100.00%"},
		"not there for too long":               {now: 10 * time.Second, step: 1, message: held},
		"asked for before the end":             {now: time.Second, asked: ptrTo(-time.Millisecond), step: 1, message: "until 12:00:12: request-success-rate 100.00%"},
		"asked for at the end":                 {now: time.Second, asked: ptrTo(time.Duration(0)), step: 2},
		"asked for at the end, and there late": {now: time.Minute, asked: ptrTo(time.Duration(0)), step: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w, ends := atItsEnd(t, c.now)
			o := w.observe()
			if c.asked == nil {
				o.Samples, o.Sampled = nil, time.Time{}
			} else {
				o.Sampled = ends.Add(*c.asked)
			}
			plan := planFor(w.policy, w.state, o)
			if c.asked != nil && !plan.Next.LastCheckTime.Time.Equal(o.Sampled) {
				t.Errorf("the checks are said to be of %s, not %s", plan.Next.LastCheckTime, o.Sampled)
			}
			for step := c.step; plan.Next.Open().Step.Number < step && strings.Contains(plan.Next.Message, "scaling"); {
				w.state = plan.Next
				w.applyCanary(plan.Canary)
				w.react()
				plan = planFor(w.policy, w.state, w.observe())
			}
			if plan.Next.Open().Step.Number != c.step || !strings.Contains(plan.Next.Message, c.message) || plan.Next.FailedChecks != 0 || len(plan.Events) != 0 {
				t.Errorf("got %s with %+v", plan, plan.Events)
			}
			if c.asked == nil && plan.Wait != w.policy.LookPeriod() {
				t.Errorf("the next tick comes after %s", plan.Wait)
			}
		})
	}
}

func TestARoundThatIsNeverAnsweredEndsAtTheProgressDeadline(t *testing.T) {
	w, ends := atItsEnd(t, 0)
	for range 1000 {
		o := w.observe()
		o.Samples = nil
		plan := planFor(w.policy, w.state, o)
		w.apply(plan)
		if plan.Next.Phase == v1alpha1.PhaseFinalising {
			break
		}
		w.now = w.now.Add(plan.Wait)
	}
	after := w.now.Sub(ends)
	if deadline := w.policy.ProgressDeadline; after < deadline || after > deadline+answers+w.policy.LookPeriod() {
		t.Errorf("rolled back after %s: %s", after, w.state.Message)
	}
}

// answers is how long samples may take.
const answers = 10 * time.Second

func TestARoundIsThatOfItsStepWeightAndTime(t *testing.T) {
	w, _ := atItsEnd(t, 0)
	round := factsFor(w.policy, w.state, w.observe()).Needs().Round
	later := w.observe()
	later.Now = later.Now.Add(time.Minute)
	if same := factsFor(w.policy, w.state, later).Needs().Round; same != round {
		t.Errorf("the same round is %q, then %q", round, same)
	}
	for name, change := range map[string]func(*observed.State){
		"another attempt": func(s *observed.State) { s.Candidate.Attempt++ },
		"another step":    func(s *observed.State) { s.Rollout.Step.Number++ },
		"another weight":  func(s *observed.State) { s.CanaryWeight++ },
		"the step once more": func(s *observed.State) {
			s.Rollout.Step.InEffect = ptrTo(metav1.NewMicroTime(s.Rollout.Step.InEffect.Add(time.Microsecond)))
		},
		"the round after":               func(s *observed.State) { s.LastCheckTime = ptrTo(metav1.NewMicroTime(w.now)) },
		"the first round after a reset": func(s *observed.State) { s.LastCheckTime = nil },
	} {
		state := *w.state.DeepCopy()
		change(&state)
		if other := factsFor(w.policy, state, w.observe()).Needs().Round; other == round {
			t.Errorf("%s: the round is the same: %q", name, round)
		}
	}
}

func TestACanaryThatCannotBeScaledForItsNextStepFailsAtTheProgressDeadline(t *testing.T) {
	w, _ := atItsEnd(t, 0)
	w.tick() // passes the step; from here on no pod becomes available
	if !strings.Contains(w.state.Message, "passed; scaling the canary") {
		t.Fatalf("it stands at %s", w.state.Message)
	}
	w.now = w.now.Add(w.policy.ProgressDeadline + time.Second)
	if plan, _ := w.tick(); plan.Next.Phase != v1alpha1.PhaseFinalising || plan.Next.Candidate.Outcome != v1alpha1.OutcomeFailed {
		t.Errorf("got %s", plan)
	}
}

func TestAPausedStepWithoutChecksKeepsNoTicksComing(t *testing.T) {
	w := newWorld(t, story{annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationTraffic: "none"}, behaviours: map[string]behaviour{"v2": good}})
	unserved(w)
	inFirstStepOf(w)
	w.primary.Spec.Paused = true
	w.tick()
	w.now = w.now.Add(time.Hour)
	if plan, _ := w.tick(); w.state.Paused == nil || plan.Wait > 0 && plan.Wait < time.Second {
		t.Errorf("the next tick comes after %s: %s", plan.Wait, plan)
	}
}
