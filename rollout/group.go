package rollout

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

// groupLook is how often a member looks at the others where no change of theirs wakes it.
const groupLook = 5 * time.Second

// allSteps is a barrier behind the last step of every member.
const allSteps = math.MaxInt32

// noticeGroup keeps what a member has passed, and forgets it where it went back.
func (t *tick) noticeGroup() {
	next := &t.plan.Next
	next.Group = nil
	if t.policy.Group == "" || !Active(t.before) {
		return
	}
	group := t.group()
	if known := t.before.Group; known != nil && known.Name == group.Name {
		group.Passed, group.Complete = known.Passed, known.Complete
	}
	if next.Phase == v1alpha1.PhaseProgressing {
		group.Passed = min(group.Passed, next.Step)
	}
}

// group is where this member stands.
func (t *tick) group() *v1alpha1.GroupStatus {
	if t.plan.Next.Group == nil {
		t.plan.Next.Group = &v1alpha1.GroupStatus{Name: t.policy.Group}
	}
	return t.plan.Next.Group
}

// members are the others of the group.
func (t *tick) members() []Peer {
	if t.policy.Group == "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(t.o.Peers), func(p Peer) bool {
		return p.Group != t.policy.Group || p.Namespace != t.o.Namespace || p.Name == t.o.Name
	})
}

// atBarrier holds a member that has passed a step until all others have, and reports whether it waits.
func (t *tick) atBarrier(step int32, doing string) bool {
	if t.policy.Group == "" {
		return false
	}
	group := t.group()
	group.Passed = max(group.Passed, min(step, int32(len(t.steps))))
	return t.awaits(doing, func(p Peer) bool { return !p.hasPassed(step) })
}

// awaits says which members are awaited, if any. Waiting for them costs nothing, but for one that lacks what it needs to
// begin: that is waited for until the progress deadline.
func (t *tick) awaits(doing string, awaited func(Peer) bool) bool {
	members := slices.DeleteFunc(t.members(), func(p Peer) bool { return !awaited(p) })
	if len(members) == 0 {
		return false
	}
	slices.SortFunc(members, func(a, b Peer) int { return strings.Compare(a.Name, b.Name) })
	var names, reasons, blocked []string
	for _, p := range members {
		names, reasons = append(names, p.Name), append(reasons, p.Name+p.why())
		if p.isBlocked() {
			blocked = append(blocked, p.Name+p.why())
		}
	}
	t.group().WaitingFor = names
	t.wakeIn(groupLook)
	message := fmt.Sprintf("%s; group %s waits for %s", doing, t.policy.Group, strings.Join(reasons, ", "))
	if len(blocked) > 0 {
		t.awaitsBlocked(message, strings.Join(blocked, ", "))
		return true
	}
	t.plan.Next.WaitingSince = nil
	t.say(message)
	return true
}

// blockedTold is how long a member is awaited that cannot begin before a warning tells of it: whoever applies several
// Deployments and their routes needs a while.
const blockedTold = 30 * time.Second

// awaitsBlocked waits for members that cannot begin.
func (t *tick) awaitsBlocked(message, blocked string) {
	t.waitFor(message)
	if next := t.plan.Next; next.Outcome != "" || next.Paused != "" {
		return
	}
	if left := t.untilDeadline() - t.policy.ProgressDeadline + blockedTold; left > 0 {
		t.wakeIn(left)
		return
	}
	t.group().Blocked = blocked
	if known := t.before.Group; known == nil || known.Blocked != blocked {
		t.event(memberBlocked(t.policy.Group, blocked))
	}
}

// stepsAlone holds a member at its step until all others have passed it.
func (t *tick) stepsAlone() bool {
	step := t.plan.Next.Step
	if int(step) == len(t.steps) {
		// The barrier of the last step is that of the promotion.
		return false
	}
	if t.atBarrier(step, fmt.Sprintf("Step %d of %d passed", step, len(t.steps))) {
		t.wakeForChecks()
		return true
	}
	return false
}

// promotesAlone holds a member before its promotion until all others have passed all their steps.
func (t *tick) promotesAlone() bool {
	if !t.atBarrier(allSteps, "Ready to be promoted") {
		return false
	}
	t.wakeForChecks()
	return true
}

// isComplete reports whether the primary has been seen with all its pods, after which it is restored only for another member.
func (t *tick) isComplete() bool {
	return t.plan.Next.Group != nil && t.plan.Next.Group.Complete
}

// settlesAlone keeps the previous template at hand until the primaries of all members are complete.
func (t *tick) settlesAlone() bool {
	if t.policy.Group == "" {
		return false
	}
	t.group().Complete = true
	return t.awaits("The primary runs the candidate", func(p Peer) bool {
		done := p.State.Group != nil && p.State.Group.Complete
		return Active(p.State) && p.State.Phase != v1alpha1.PhaseFinalising && !done
	})
}

// groupFailure says which member was rolled back since this rollout began; empty when none was.
func (t *tick) groupFailure() string {
	started := t.plan.Next.Started
	if started == nil {
		return ""
	}
	return t.groupFailureSince(started.Time)
}

func (t *tick) groupFailureSince(moment time.Time) string {
	for _, p := range t.members() {
		if reason, failed := p.failedSince(moment); failed {
			prefix := fmt.Sprintf("group %s: ", t.policy.Group)
			if strings.HasPrefix(reason, prefix) {
				return reason
			}
			return fmt.Sprintf("%s%s was rolled back: %s", prefix, p.Name, reason)
		}
	}
	return ""
}

func (t *tick) isGroupFailed() bool {
	next := t.plan.Next
	return Active(next) && next.Outcome == "" && !next.Restoring && t.groupFailure() != ""
}

// rollBackWithGroup gives up what another member gave up, also where the primary runs the candidate already.
func rollBackWithGroup(t *tick) {
	why := t.groupFailure()
	if !t.o.promoted(t.plan.Next.Candidate) {
		t.rollBack(why)
		return
	}
	t.restore(why)
}
