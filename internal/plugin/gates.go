package plugin

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"sluice.dev/sluice/api/v1alpha1"
)

// noGate marks types of hooks that are not gates.
const noGate = ""

// opens says for every type of hook what happens when its gate opens.
var opens = map[v1alpha1.HookType]string{
	v1alpha1.HookConfirmRollout:         "the rollout starts",
	v1alpha1.HookPreRollout:             "the canary gets its first requests",
	v1alpha1.HookConfirmTrafficIncrease: "the next step starts",
	v1alpha1.HookConfirmPromotion:       "the candidate is promoted; until then, checks continue and can still roll back",
	v1alpha1.HookRollout:                noGate,
	v1alpha1.HookPostRollout:            noGate,
	v1alpha1.HookRollback:               noGate,
	v1alpha1.HookEvent:                  noGate,
}

// gateLine says which gate is closed, for how long, and by which hooks; empty for none.
func (s subject) gateLine() string {
	gate := s.canary.Status.Gate
	if gate == nil {
		return ""
	}
	return fmt.Sprintf("%s, closed for %s: %s", gate.Type, ago(s.now, gate.Since.Time), s.closers(*gate))
}

// closers lists the hooks that keep a gate closed, for how long they do and what they say.
func (s subject) closers(gate v1alpha1.GateStatus) string {
	status := s.canary.Status
	var closers []string
	for _, hook := range status.Hooks {
		if hook.Type == gate.Type && hook.Step == status.Open().Step.Number && !hook.Yes {
			closers = append(closers, fmt.Sprintf("hook %s has refused for %s: %s", hook.Name, ago(s.now, hook.Since.Time), hook.Message))
		}
	}
	if len(closers) == 0 {
		return "not all hooks have answered yet"
	}
	return strings.Join(closers, "; ")
}

// waitsForGate says for how long a gate has been closed and what happens when it opens.
func (s subject) waitsForGate(gate v1alpha1.GateStatus) string {
	return fmt.Sprintf("The %s gate has waited for approval for %s (%s). Once it opens, %s.",
		gate.Type, ago(s.now, gate.Since.Time), s.closers(gate), opens[gate.Type])
}

// adviceLine is what in the policy has no effect or is probably not meant.
func adviceLine(status v1alpha1.CanaryStatus) string {
	if condition := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionPolicyFollowed); condition != nil {
		return condition.Message
	}
	return ""
}
