package rollout_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/queue"
)

// freezing makes a Freeze without a schedule.
func freezing(mode v1alpha1.FreezeMode) func(*world) {
	return func(w *world) {
		w.tell("olga freezes everything, mode %s", mode)
		w.freezes = []v1alpha1.Freeze{{ObjectMeta: metav1.ObjectMeta{Name: "stop"}, Spec: v1alpha1.FreezeSpec{
			Reason: "outage", Mode: mode, Stamp: v1alpha1.Stamp{By: "olga"}}}}
	}
}

func unfreezing(w *world) {
	w.tell("olga unfreezes")
	w.freezes = nil
}

// atNoon is a world with a window from 12:00 to 12:05.
func atNoon(mode v1alpha1.FreezeMode) func(*world) {
	return func(w *world) {
		w.freezes = []v1alpha1.Freeze{{ObjectMeta: metav1.ObjectMeta{Name: "noon"}, Spec: v1alpha1.FreezeSpec{
			Reason: "lunch", Mode: mode, Schedule: "0 12 * * *", Duration: &metav1.Duration{Duration: 5 * time.Minute}}}}
	}
}

func resetting(candidate string, attempt int32) func(*world) {
	return func(w *world) {
		w.tell("jane asks to reset %s", candidate)
		request := w.request(candidate, attempt)
		w.spec.Reset = &request
	}
}

var controlStories = map[string]story{
	"a window starts no rollout and ends by itself": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		prepare: atNoon(v1alpha1.FreezeStart),
		acts:    []act{{immediately, setting("v2")}},
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a freeze that starts nothing lets a rollout in flight go on": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), freezing(v1alpha1.FreezeStart)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a newer version waits for the end of a freeze": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": good},
		acts: []act{{immediately, setting("v2")}, {atStep(1), freezing(v1alpha1.FreezeStart)}, {atStep(2), setting("v3")},
			{after(2 * time.Minute), unfreezing}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"a stop pauses a rollout in flight for longer than the progress deadline": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), freezing(v1alpha1.FreezePause)}, {after(3 * time.Minute), unfreezing}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a stop does not keep a bad version from being rolled back": {
		annotations: quick, behaviours: map[string]behaviour{"v2": failing},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), freezing(v1alpha1.FreezePause)}, {muchLater, unfreezing}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a frozen rollout can be aborted": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), freezing(v1alpha1.FreezePause)}, {after(30 * time.Second), aborting("v2", 0)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a rollout in flight is reset": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), resetting("v2", 0)}},
		phase: v1alpha1.PhaseInitialized, version: "v1",
	},
	"a failed version is reset and starts anew": {
		annotations: quick, behaviours: map[string]behaviour{"v2": failing},
		acts: []act{{immediately, setting("v2")}, {inPhase(v1alpha1.PhaseFailed), resetting("v2", 0)},
			{inPhase(v1alpha1.PhaseInitialized), func(w *world) {
				w.now = w.now.Add(time.Second)
				w.behaviours = map[string]behaviour{"v2": good}
				w.set("v2")
			}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
}

// peer is another Canary with a candidate that was asked for this many seconds after the epoch.
func peer(namespace, name string, phase v1alpha1.Phase, asked int) observed.Peer {
	state := observed.State{Phase: phase, Candidate: v1alpha1.CandidateStatus{Requested: &v1alpha1.Requester{At: ptrTo(metav1.NewMicroTime(epoch.Add(time.Duration(asked) * time.Second)))}}}
	if phase == v1alpha1.PhaseWaiting {
		state.Queue = &v1alpha1.QueueStatus{Position: 1}
	}
	return observed.Peer{Namespace: namespace, Name: name, HasPlace: observed.HasPlace(state), State: state}
}

func TestQueue(t *testing.T) {
	const open, waits = v1alpha1.PhaseProgressing, v1alpha1.PhaseWaiting
	begun := func(p observed.Peer) observed.Peer { p.HasPlace = true; return p }
	inGroup := func(p observed.Peer) observed.Peer { p.Group = "checkout"; return p }
	for name, c := range map[string]struct {
		limits  observed.Limits
		peers   []observed.Peer
		group   string
		message string // empty when it starts
	}{
		"no limit":                  {observed.Limits{}, []observed.Peer{peer("a", "a", open, 0)}, "", ""},
		"a slot is free":            {observed.Limits{Cluster: 2}, []observed.Peer{peer("a", "a", open, 0)}, "", ""},
		"the cluster is full":       {observed.Limits{Cluster: 1}, []observed.Peer{peer("a", "b", open, 0)}, "", "1st in the queue: 1 of 1 rollouts are running in the cluster (a/b)"},
		"the namespace is full":     {observed.Limits{Namespace: 1}, []observed.Peer{peer("test", "b", open, 0)}, "", "1st in the queue: 1 of 1 rollouts are running in namespace test (test/b)"},
		"another namespace is full": {observed.Limits{Namespace: 1}, []observed.Peer{peer("a", "b", open, 0)}, "", ""},
		"others were asked for earlier": {observed.Limits{Cluster: 2}, []observed.Peer{peer("a", "a", open, 0), peer("a", "b", waits, 1), peer("a", "c", waits, 2), peer("a", "d", waits, 99)}, "",
			"3rd in the queue: 2 of 2 rollouts are running in the cluster (a/a, a/b)"},
		"of two at once the name decides": {observed.Limits{Cluster: 1}, []observed.Peer{peer("a", "a", waits, 10)}, "", "2nd in the queue: 1 of 1 rollouts are running in the cluster (a/a)"},
		"those ahead that another limit holds are in nobody's way": {observed.Limits{Cluster: 2, Namespace: 1},
			[]observed.Peer{peer("a", "a", open, 0), peer("a", "b", waits, 1)}, "", ""},
		"one that has just begun is in the queue no more": {observed.Limits{Cluster: 2}, []observed.Peer{peer("a", "a", open, 0), begun(peer("a", "b", waits, 1))}, "",
			"1st in the queue: 2 of 2 rollouts are running in the cluster (a/a, a/b)"},
		"a group is one rollout": {observed.Limits{Cluster: 1}, []observed.Peer{inGroup(peer("test", "b", open, 0))}, "checkout", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, story{annotations: quick})
			w.limits, w.policy.Group = c.limits, c.group
			w.peers = func() []observed.Peer { return c.peers }
			w.now = epoch.Add(10 * time.Second)
			w.set("v2")
			plan, _ := w.tick()
			if c.message == "" {
				if !observed.Active(plan.Next) || plan.Next.Queue != nil {
					t.Fatalf("it must start: %s", plan)
				}
				return
			}
			if plan.Next.Phase != waits || plan.Next.Message != c.message || plan.Next.Queue == nil || plan.Wait == 0 {
				t.Fatalf("it must wait: %s", plan)
			}
			w.now = w.now.Add(time.Minute)
			again, _ := w.tick()
			if len(again.Events) > 0 || !again.Next.Queue.Since.Equal(&plan.Next.Queue.Since) {
				t.Errorf("the wait is told twice: %s, %v", again, again.Events)
			}
		})
	}
}

// TestTheQueueIsInOrder lets rollouts end in any order. As many run as the limits permit, and the others start in the order
// in which they were asked for.
func TestTheQueueIsInOrder(t *testing.T) {
	peers := []observed.Peer{
		peer("a", "late", v1alpha1.PhaseWaiting, 30), peer("b", "early", v1alpha1.PhaseWaiting, 10), peer("a", "middle", v1alpha1.PhaseWaiting, 20),
		peer("c", "runs", v1alpha1.PhasePromoting, 0), peer("c", "done", v1alpha1.PhaseSucceeded, 0),
	}
	limits := observed.Limits{Cluster: 3, Namespace: 1}
	next := queue.Next(peers, limits, epoch)
	if len(next) != 2 || next[0].String() != "b/early" || next[1].String() != "a/middle" {
		t.Errorf("next are %v", next)
	}
}

// Other Canaries read the status to tell who was first. If it were older than the candidate, two could wait for each other.
func TestATemplateThatIsAskedForAgainHasALaterPlace(t *testing.T) {
	w := newWorld(t, story{annotations: quick})
	w.limits = observed.Limits{Cluster: 1}
	w.peers = func() []observed.Peer { return []observed.Peer{peer("a", "a", v1alpha1.PhaseProgressing, 0)} }
	for range 2 {
		w.now = w.now.Add(time.Minute)
		w.set("v2")
		if plan, _ := w.tick(); plan.Next.Candidate.Requested.At.Unix() != w.now.Unix() {
			t.Errorf("at %s it is in the queue as asked for at %s", w.now, plan.Next.Candidate.Requested.At)
		}
	}
}

func TestARolloutThatReplacesAnotherKeepsItsSlot(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": good}})
	w.limits = observed.Limits{Cluster: 1}
	w.peers = func() []observed.Peer { return []observed.Peer{peer("a", "first", v1alpha1.PhaseWaiting, -10)} }
	w.state = observed.State{Phase: v1alpha1.PhaseFinalising, Candidate: v1alpha1.CandidateStatus{Hash: "v2", Outcome: v1alpha1.OutcomeSuperseded}}
	w.set("v3")
	if plan, _ := w.tick(); !observed.Active(plan.Next) || plan.Next.Candidate.Hash != "v3" {
		t.Errorf("the newer version waits for a slot: %s", plan)
	}
}

func TestResetOfWhatWaits(t *testing.T) {
	w := newWorld(t, story{annotations: quick})
	w.set("v2")
	pausing(w)
	w.tick()
	resetting("v2", 0)(w)
	plan, _ := w.tick()
	if plan.Ask.String() != "reset=v2 jane" || plan.Next.Phase != v1alpha1.PhaseInitialized {
		t.Errorf("the plan is %s", plan)
	}
	w.candidate = &workload.Candidate{Hash: "v3", At: w.now}
	if plan, _ := w.tick(); plan.Ask.Key != "" {
		t.Errorf("a reset applies to the candidate that it names: %s", plan)
	}
}
