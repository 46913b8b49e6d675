package rollout_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/conversion"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

var (
	update = flag.Bool("update", false, "write the golden stories anew")
	// seeds are few by default, so that the tests are quick. go test ./rollout -seeds 200 -timeout 1h finds rare faults.
	seeds = flag.Uint64("seeds", 5, "with how many seeds each story is played; random stories are 20 times as many")
)

// act is something that happens from outside once a condition holds.
type act struct {
	when func(*world) bool
	do   func(*world)
}

type story struct {
	annotations map[string]string
	// policy changes what the annotations say.
	policy     func(*config.Policy)
	behaviours map[string]behaviour
	prepare    func(*world)
	// metered makes the metrics server that answers queries for raw counters; nil for none.
	metered func() *metered
	acts    []act
	// phase and version are the end of the story: the phase, and what the primary runs.
	phase   v1alpha1.Phase
	version string
}

func immediately(*world) bool { return true }

func atStep(step int32) func(*world) bool {
	return func(w *world) bool {
		at := w.state.Open().Step
		return at.Number == step && at.InEffect != nil
	}
}

func recreate(w *world) { w.primary.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType }

func setting(version string) func(*world) { return func(w *world) { w.set(version) } }

// quick has short steps, and thresholds judge: what these stories are about needs no counters.
var quick = map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "30"}

// stories are all stories by name.
var stories = allStories(plainStories, awayStories, capacityStories, clockStories, cohortStories, controlStories, directStories,
	aroundStories, backOffStories, coveredStories, defaultStories, gatewayStories, guardStories, armStories, freshStories, pairStories, optOutStories, hookStories, interruptedStories, intervalStories, judgedStories, keepShareStories, pendingStories, placeStories, podStories, quotaStories, requestStories, restoringStories, shareStories, strategyStories, unavailableStories, unservedStories, workStories)

// muchLater is when a pause ends in which a bad version has been rolled back. A crash after its requests were taken away, and before that was
// written down, leaves a canary without requests: it is judged again once the pause has ended.
func muchLater(w *world) bool {
	return w.state.Phase == v1alpha1.PhaseFailed || after(3*time.Minute)(w)
}

// allStories panics if two stories have the same name, because one would replace the other unseen.
func allStories(groups ...map[string]story) map[string]story {
	all := map[string]story{}
	for _, group := range groups {
		for name, s := range group {
			if _, exists := all[name]; exists {
				panic("two stories are called " + name)
			}
			all[name] = s
		}
	}
	return all
}

var plainStories = map[string]story{
	"a good version is promoted": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a version that fails half of its requests is rolled back": {
		annotations: quick, behaviours: map[string]behaviour{"v2": {successRate: 50, p99: 20, requests: 100}},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a slow version is rolled back": {
		annotations: quick, behaviours: map[string]behaviour{"v2": {successRate: 100, p99: 900, requests: 100}},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a canary that never gets ready fails at the progress deadline": {
		annotations: quick, behaviours: map[string]behaviour{"v2": {neverReady: true}},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a canary that the API server refuses fails at once": {
		annotations: quick, behaviours: map[string]behaviour{"v2": {refused: "spec.template.spec.containers[0].name: Invalid value: \"APP\""}},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a canary that loses its pods goes back to weight 0 and then fails": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "30", config.AnnotationProgressDeadline: "60s"},
		behaviours:  map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			w.tell("canary pods crash")
			w.behaviours = map[string]behaviour{"v2": {neverReady: true}}
		}}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"too few requests are inconclusive until the progress deadline": {
		annotations: quick, behaviours: map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 3}},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"Prometheus is gone for a while": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			w.tell("Prometheus goes")
			down := good
			down.prometheusDown = true
			w.behaviours = map[string]behaviour{"v2": down}
		}}, {func(w *world) bool { return w.now.Sub(epoch) > 60*time.Second }, func(w *world) {
			w.tell("Prometheus comes back")
			w.behaviours = map[string]behaviour{"v2": good}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a newer version replaces the one in flight": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), setting("v3")}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"the change is taken back in flight": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), setting("v1")}},
		phase: v1alpha1.PhaseInitialized, version: "v1",
	},
	"the rollout is aborted": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(1), func(w *world) {
			w.tell("user aborts")
			aborted := *w.candidate
			aborted.Mark, aborted.MarkedBy = workload.MarkAborted, "jane"
			w.candidate = &aborted
		}}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the primary does not get ready after promotion": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "60s"},
		behaviours:  map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, primaryNotReady: true}},
		acts:        []act{{immediately, setting("v2")}},
		phase:       v1alpha1.PhaseFailed, version: "v1",
	},
	"a primary with strategy Recreate is changed without any requests": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		prepare: recreate,
		acts:    []act{{immediately, setting("v2")}},
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the state is lost in flight": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			w.tell("status is lost")
			w.state = observed.State{}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the state is lost while a primary with strategy Recreate is promoted": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		prepare: recreate,
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.previous != nil }, func(w *world) {
			w.tell("status is lost")
			w.state = observed.State{}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the Deployment is paused in flight for longer than the progress deadline": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "60s"},
		behaviours:  map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(1), func(w *world) {
			w.tell("user pauses")
			w.primary.Spec.Paused = true
		}}, {func(w *world) bool { return w.now.Sub(epoch) > 3*time.Minute }, func(w *world) {
			w.tell("user resumes")
			w.primary.Spec.Paused = false
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a paused version that is bad is rolled back all the same": {
		annotations: quick, behaviours: map[string]behaviour{"v2": {successRate: 50, p99: 20, requests: 100}},
		acts: []act{{immediately, setting("v2")}, {atStep(1), func(w *world) {
			w.tell("user pauses")
			w.primary.Spec.Paused = true
		}}, {muchLater, func(w *world) {
			w.tell("user resumes")
			w.primary.Spec.Paused = false
		}}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}

// snapshot is everything that can change. It shares the values that the world replaces and never writes to.
func (w *world) snapshot() []any {
	var canary appsv1.Deployment
	if w.canary != nil {
		canary = *w.canary
	}
	return []any{w.state, canary, w.route, w.candidate, w.previous, w.directs, w.finalizer, w.endpoints, *w.primary, w.revision, w.exists, w.made, w.next, w.control.made(), w.control.endpoints}
}

// equalities compare the values of a snapshot, including times.
var equalities = func() conversion.Equalities {
	all := equality.Semantic.Copy()
	if err := all.AddFunc(func(a, b time.Time) bool { return a.Equal(b) }); err != nil {
		panic(err)
	}
	return all
}()

// changedSince reports whether anything has changed. Identical values, which are quick to find, need no semantic
// comparison.
func (w *world) changedSince(before []any) bool {
	now := w.snapshot()
	return !reflect.DeepEqual(before, now) && !equalities.DeepEqual(before, now)
}

// TestMain collects garbage less often, because the stories are many and small.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// reactsLate lets everything that has not reacted yet catch up before a long wait.
func (w *world) reactsLate() bool {
	before := w.snapshot()
	w.react()
	return w.changedSince(before) || w.pending
}

// mostTicks is the number of ticks after which a story that does not end fails.
const mostTicks = 5000

// mostIdle is the number of ticks without a rollout after which a world in which nobody looked for a while waits no longer for
// the moments of its story. They may have passed unseen.
const mostIdle = 3000

// play runs a story to its end. With a source of chance, reactions come late and the controller dies between writes.
func play(t *testing.T, s story, chance *rand.Rand) *world {
	return playBetween(t, s, chance, func(*world, int) {})
}

// playBetween is play with something that happens before each tick.
func playBetween(t *testing.T, s story, chance *rand.Rand, happens func(w *world, number int)) *world {
	w := newWorld(t, s)
	w.rand = chance
	if s.metered != nil {
		w.metered = s.metered()
	}
	if s.prepare != nil {
		s.prepare(w)
	}
	acts := s.acts
	if _, survived := w.tick(); !survived {
		t.Fatal("the first tick did not survive")
	}
	idle := 0
	for number := range mostTicks {
		if len(acts) > 0 && acts[0].when(w) {
			acts[0].do(w)
			acts = acts[1:]
		}
		happens(w, number)
		w.crash = -1
		if chance != nil && chance.IntN(4) == 0 {
			w.crash = chance.IntN(8)
		}
		before := w.snapshot()
		plan, survived := w.tick()
		if chance == nil || chance.IntN(2) == 0 {
			w.react()
		}
		changed := w.changedSince(before)
		if survived && !changed && !observed.Active(w.state) && plan.Wait == 0 {
			if idle++; len(acts) == 0 || w.late && idle > mostIdle {
				return w
			}
		}
		if changed || !survived || plan.Wait == 0 || w.reactsLate() {
			w.now = w.now.Add(100 * time.Millisecond)
			continue
		}
		w.now = w.now.Add(plan.Wait)
	}
	t.Fatalf("the story does not end; it stands at %s: %s\n%s", w.state.Phase, w.state.Message, strings.Join(w.log, "\n"))
	return w
}

func (s story) check(t *testing.T, w *world) {
	t.Helper()
	if w.state.Phase != s.phase && w.exists {
		t.Errorf("ends in phase %s, not %s", w.state.Phase, s.phase)
	}
	if got := versionOf(w.primary.Spec.Template); got != s.version {
		t.Errorf("the primary runs %s in the end, not %s", got, s.version)
	}
	w.checkEnd()
	if t.Failed() {
		t.Log(strings.Join(w.log, "\n"))
	}
}

// checkGolden compares a log with the golden file of a story, or writes it with -update.
func checkGolden(t *testing.T, name string, log []string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".golden")
	got := strings.Join(log, "\n") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the story has changed (-want +got); if that is meant, run go test ./rollout -update\n%s", diff)
	}
}

func TestStories(t *testing.T) {
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := play(t, s, nil)
			s.check(t, w)
			checkGolden(t, name, w.log)
		})
	}
}

// TestStoriesWithLateReactionsAndCrashes plays every story with reactions in any order and a controller that dies between
// any two writes. The story must end the same way and keep the invariants at every write.
func TestStoriesWithLateReactionsAndCrashes(t *testing.T) {
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range *seeds {
				s.check(t, play(t, s, rand.New(rand.NewPCG(seed, 1))))
				if t.Failed() {
					t.Fatalf("with seed %d", seed)
				}
			}
		})
	}
}
