package rollout

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

// groupLook is how often a member looks at the others when no change of theirs wakes it.
const groupLook = 5 * time.Second

// allSteps is a barrier after the last step of every member.
const allSteps = math.MaxInt32

// noticeGroup keeps which steps this member has passed, and forgets those that it went back from.
func noticeGroup(t *tick) {
	next := &t.plan.Next
	if next.Rollout == nil {
		return
	}
	next.Rollout.Group = nil
	if t.policy.Group == "" {
		return
	}
	group := ensureGroup(t)
	if known := t.before.Open().Group; known != nil && known.Name == group.Name {
		group.Passed, group.Complete = known.Passed, known.Complete
	}
	if next.Phase == v1alpha1.PhaseProgressing {
		group.Passed = min(group.Passed, next.Rollout.Step.Number)
	}
}

// ensureGroup returns the group status of this member, and creates it if there is none.
func ensureGroup(t *tick) *v1alpha1.GroupStatus {
	if t.plan.Next.Rollout.Group == nil {
		t.plan.Next.Rollout.Group = &v1alpha1.GroupStatus{Name: t.policy.Group}
	}
	return t.plan.Next.Rollout.Group
}

// lookAtMembers makes a rollout look again at members that do not fit on a route with it. One may leave the group, which wakes no
// other.
func lookAtMembers(t *tick, blocked v1alpha1.BlockedKind) {
	if blocked == v1alpha1.BlockedGroup {
		wakeIn(t, groupLook)
	}
}

// members are the other members of the group.
func (f Facts) members() []observed.Peer {
	return f.o.Members(f.policy.Group)
}

// awaitOthers records that this member has passed a step and waits for the others. It returns whether all have passed it.
func awaitOthers(t *tick, step int32, doing string) (done bool) {
	if t.policy.Group == "" {
		return true
	}
	group := ensureGroup(t)
	group.Passed = max(group.Passed, min(step, int32(len(t.steps))))
	return awaitMembers(t, doing, func(p observed.Peer) bool { return !p.HasPassed(step) })
}

// awaitMembers waits for the members that awaited selects, and returns whether there are none. The progress deadline counts
// only while it waits for a member that lacks what it needs to start.
func awaitMembers(t *tick, doing string, awaited func(observed.Peer) bool) (done bool) {
	members := slices.DeleteFunc(t.members(), func(p observed.Peer) bool { return !awaited(p) })
	if len(members) == 0 {
		return true
	}
	slices.SortFunc(members, func(a, b observed.Peer) int { return strings.Compare(a.Name, b.Name) })
	var names, reasons, blocked []string
	for _, p := range members {
		names, reasons = append(names, p.Name), append(reasons, p.Name+p.Why())
		if p.IsBlocked() {
			blocked = append(blocked, p.Name+p.Why())
		}
	}
	ensureGroup(t).WaitingFor = names
	wakeIn(t, groupLook)
	message := fmt.Sprintf("%s; group %s waits for %s", doing, t.policy.Group, strings.Join(reasons, ", "))
	if len(blocked) > 0 {
		awaitBlocked(t, message, strings.Join(blocked, ", "))
		return false
	}
	t.plan.Next.Rollout.WaitingSince = nil
	say(t, message)
	return false
}

// blockedTold is how long a member may be blocked before a warning reports it. Applying several Deployments and their
// routes takes a while.
const blockedTold = 30 * time.Second

// awaitBlocked waits for members that cannot start.
func awaitBlocked(t *tick, message, blocked string) {
	waitFor(t, message)
	if next := t.plan.Next; next.Candidate.Outcome != "" || next.Paused != nil {
		return
	}
	if left := t.untilDeadline() - t.policy.ProgressDeadline + blockedTold; left > 0 {
		wakeIn(t, left)
		return
	}
	ensureGroup(t).Blocked = blocked
	if known := t.before.Open().Group; known == nil || known.Blocked != blocked {
		emit(t, events.MemberBlocked(t.policy.Group, blocked))
	}
}

// awaitStep waits at the step until all other members have passed it, and returns whether they have.
func awaitStep(t *tick) (done bool) {
	step := t.plan.Next.Rollout.Step.Number
	if awaitOthers(t, step, fmt.Sprintf("Step %d of %d passed", step, len(t.steps))) {
		return true
	}
	wakeForChecks(t)
	return false
}

// awaitGroup waits before the promotion until all other members have passed all their steps, and returns whether they have.
func awaitGroup(t *tick) (done bool) {
	if awaitOthers(t, allSteps, "Ready for promotion") {
		return true
	}
	wakeForChecks(t)
	return false
}

// isComplete reports whether the primary has had all its pods since the promotion. From then on it is restored only because
// of another member.
func (t tick) isComplete() bool {
	return t.plan.Next.Rollout.Group != nil && t.plan.Next.Rollout.Group.Complete
}

// awaitPrimaries keeps the previous template until the primaries of all members are complete, and returns whether they are.
func awaitPrimaries(t *tick) (done bool) {
	if t.policy.Group == "" {
		return true
	}
	ensureGroup(t).Complete = true
	return awaitMembers(t, "The primary runs the candidate", func(p observed.Peer) bool {
		complete := p.State.Open().Group != nil && p.State.Open().Group.Complete
		return observed.Active(p.State) && p.State.Phase != v1alpha1.PhaseFinalising && !complete
	})
}

// groupFailure says which member was rolled back after this rollout started; nil when none was.
func (t tick) groupFailure() *observed.Reason {
	started := t.plan.Next.Rollout.Started
	if started == nil {
		return nil
	}
	return t.groupFailureSince(started.Time)
}

func (f Facts) groupFailureSince(moment time.Time) *observed.Reason {
	for _, p := range f.members() {
		why, failed := p.FailedSince(moment)
		switch {
		case !failed:
		case why.Group != nil && why.Group.Group == f.policy.Group:
			return &why
		default:
			return &observed.Reason{
				Text:  fmt.Sprintf("group %s: %s was rolled back: %s", f.policy.Group, p.Name, why.Text),
				Group: &v1alpha1.GroupFailure{Group: f.policy.Group, Member: p.Name},
			}
		}
	}
	return nil
}

func (t tick) isGroupFailed() bool {
	next := t.plan.Next
	return observed.Active(next) && next.Candidate.Outcome == "" && !next.Rollout.Promotion.Restoring && t.groupFailure() != nil
}
