package observed

import (
	"slices"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Peer is what this rollout must know of another Canary.
type Peer struct {
	// Namespace and Name are those of its Deployment.
	Namespace, Name string
	// Group of its Deployment; empty for none.
	Group string
	// Policy is the policy in force for it; nil if it is not known. It matters for members of the same group only.
	Policy *config.Policy
	// Held is set while its Deployment holds back a candidate in flight. It matters for members of the same group only.
	Held bool
	// HasPlace is set while its rollout counts for the Limits. That may be known before State shows it.
	HasPlace bool
	// State of its rollout.
	State State
}

// Members returns the other members of a group of the Deployment; none without a group.
func (o World) Members(group string) []Peer {
	if group == "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(o.Peers), func(p Peer) bool {
		return p.Group != group || p.Namespace != o.Namespace || p.Name == o.Name
	})
}

// HasPassed reports whether a member has passed a step; if it has fewer steps, its last one. A member without a candidate
// takes no part. A member whose candidate has not started has passed nothing.
func (p Peer) HasPassed(step int32) bool {
	switch {
	case !Active(p.State):
		return !p.Held
	case p.State.Phase == v1alpha1.PhasePromoting:
		return true
	case p.State.Phase == v1alpha1.PhaseFinalising:
		return p.State.Candidate.Outcome != v1alpha1.OutcomeSuperseded
	}
	passed := int32(0)
	if p.State.Open().Group != nil {
		passed = p.State.Open().Group.Passed
	}
	return passed >= min(step, max(1, int32(len(p.State.Plan.Steps))))
}

// Reason is why a rollout was given up: a sentence for users and, if a group is the cause, the member that failed first.
type Reason struct {
	Text  string
	Group *v1alpha1.GroupFailure
}

// FailedSince reports whether a member's rollout was given up at or after a moment, and why.
func (p Peer) FailedSince(moment time.Time) (why Reason, failed bool) {
	// The state may be an object of a cache that others read.
	why = Reason{p.State.Candidate.Reason, p.State.Candidate.GroupFailure.DeepCopy()}
	switch {
	case p.State.Open().Promotion.Restoring && Active(p.State) && !Unsuccessful(p.State.Candidate.Outcome):
		return why, true
	case p.State.Phase == v1alpha1.PhaseFinalising:
		decided := p.State.Open().Decided
		return why, Unsuccessful(p.State.Candidate.Outcome) && decided != nil && !decided.Time.Before(moment)
	case len(p.State.History) > 0:
		last := p.State.History[0]
		return Reason{last.Reason, last.GroupFailure.DeepCopy()}, Unsuccessful(last.Outcome) && !last.Finished.Time.Before(moment)
	}
	return Reason{}, false
}

// IsBlocked reports whether a member's candidate cannot start because something is missing, or because policies would miss its
// canary. A candidate that is paused, frozen, queued or at a gate waits on purpose.
func (p Peer) IsBlocked() bool {
	s := p.State
	return p.Held && s.Phase == v1alpha1.PhaseWaiting && s.Paused == nil && s.Frozen == "" && s.Blocked != nil &&
		(s.Blocked.Kind == v1alpha1.BlockedMissing || s.Blocked.Kind == v1alpha1.BlockedUnprotected)
}

// gatePasses is how long a hook may take to open a gate until the rollout counts as held.
const gatePasses = time.Minute

// IsHeldBack reports whether a rollout waits for somebody to end a pause or to open a gate, which may take any time.
func (p Peer) IsHeldBack(now time.Time) bool {
	gate := p.State.Gate
	return p.State.Paused != nil || gate != nil && now.Sub(gate.Since.Time) >= gatePasses
}

// HasPlace reports whether a rollout counts for the limits by its state: it is open and has not given its place back.
func HasPlace(state State) bool { return Active(state) && state.Open().PlaceGivenBack == nil }

// Why says what holds a member other than its analysis.
func (p Peer) Why() string {
	switch {
	case p.State.Paused != nil:
		return " (" + p.State.Paused.Text + ")"
	case p.State.Phase == v1alpha1.PhaseWaiting:
		return " (" + p.State.Message + ")"
	}
	return ""
}

// Limits are how many rollouts may be open at the same time; 0 for any number.
type Limits struct {
	// Cluster counts all rollouts.
	Cluster int
	// Namespace counts those of one namespace.
	Namespace int
	// HeldFor is how long a rollout that is paused or kept at a gate counts; 0 means without an end.
	HeldFor time.Duration
}

// Any reports whether there is a limit.
func (l Limits) Any() bool { return l.Cluster > 0 || l.Namespace > 0 }
