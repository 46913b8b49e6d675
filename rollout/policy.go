package rollout

import (
	"fmt"
	"slices"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/rollout/observed"
)

// keeps reports whether a rollout is open that began with a policy of its own.
func keeps(state observed.State) bool { return observed.Active(state) && state.Policy != nil }

// Terms are the policies that a tick decides by.
type Terms struct {
	// policy is in force, latest is what annotations and policies say now, and kept is set while the two may differ.
	policy, latest config.Policy
	kept           bool
}

// TermsOf are the terms of a tick. In force is the policy that an open rollout began with, with the switches, and what hooks
// are asked where, as they are now; else the present one.
func TermsOf(present config.Policy, state observed.State, o observed.World) Terms {
	if o.DryRun {
		present = withoutHooks(present)
	}
	terms := Terms{policy: present, latest: present}
	if state = continued(state, o); !keeps(state) {
		return terms
	}
	terms.kept = true
	for _, spec := range []v1alpha1.PolicySpec{switched(*state.Policy, o.Policy).Spec, state.Policy.Spec} {
		if kept, errs := policy.Parse(spec); len(errs) == 0 {
			kept.Group, kept.IdentityLabels = present.Group, present.IdentityLabels
			kept.Hooks = keptHooks(kept.Hooks, present.Hooks)
			if o.DryRun {
				kept = withoutHooks(kept)
			}
			terms.policy = kept
			return terms
		}
	}
	return terms
}

// Policy is the one in force.
func (t Terms) Policy() config.Policy { return t.policy }

// switches are the values that always act at once.
var switches = []string{"skipAnalysis", "suspend"}

// switched is a policy with the switches of another one.
func switched(kept v1alpha1.PolicyStatus, present *v1alpha1.PolicyStatus) v1alpha1.PolicyStatus {
	if present == nil {
		return kept
	}
	isSwitch := func(s v1alpha1.PolicySource) bool { return slices.Contains(switches, s.Field) }
	kept.Spec.Suspend, kept.Spec.SkipAnalysis = present.Spec.Suspend, present.Spec.SkipAnalysis
	kept.Sources = slices.DeleteFunc(slices.Clone(kept.Sources), isSwitch)
	for _, source := range present.Sources {
		if isSwitch(source) {
			kept.Sources = append(kept.Sources, source)
		}
	}
	slices.SortFunc(kept.Sources, func(a, b v1alpha1.PolicySource) int { return strings.Compare(a.Field, b.Field) })
	return kept
}

// showPolicy tells which policy is in force, and what has changed since an open rollout began. What means the same as
// before is left as it is, so that it causes no write.
func showPolicy(t *tick) {
	next := &t.plan.Next
	shown := t.o.Policy.DeepCopy()
	if t.kept && observed.Active(*next) {
		kept := switched(*t.before.Policy.DeepCopy(), t.o.Policy)
		kept.Spec = policy.Shown(kept.Spec)
		kept.Changed = changedSince(kept, t.o)
		shown = &kept
	}
	if before := t.before.Policy; shown != nil && before != nil && shown.Name == before.Name && shown.Changed == before.Changed &&
		slices.Equal(shown.Sources, before.Sources) && len(policy.Differences(before.Spec, shown.Spec)) == 0 {
		shown = before
	}
	next.Policy = shown
}

// changedSince says what the next rollout does in another way.
func changedSince(kept v1alpha1.PolicyStatus, o observed.World) string {
	if o.PolicyProblem != "" {
		return "the next rollout cannot start: " + o.PolicyProblem
	}
	if o.Policy == nil {
		return ""
	}
	fields := policy.Differences(kept.Spec, o.Policy.Spec)
	if len(fields) == 0 {
		return ""
	}
	var who []string
	for _, changed := range fields {
		who = append(who, sourcesOf(changed, *o.Policy, kept)...)
	}
	slices.Sort(who)
	who = slices.Compact(who)
	verb, what := "has", "it"
	if len(who) > 1 {
		verb, what = "have", "them"
	}
	return fmt.Sprintf("%s %s changed since this rollout started (%s); the next rollout uses %s", strings.Join(who, " and "), verb, strings.Join(fields, ", "), what)
}

// sourcesOf are those that set a value now, or that set it before; what is built in only where nobody does.
func sourcesOf(path string, now, before v1alpha1.PolicyStatus) []string {
	for _, status := range []v1alpha1.PolicyStatus{now, before} {
		var found []string
		for _, source := range status.Sources {
			if (source.Field == path || strings.HasPrefix(source.Field, path+"[")) && source.From != policy.FromBuiltIn {
				found = append(found, source.From)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return []string{"the built-in default"}
}

// keptHooks are the hooks that a rollout began with, each asked where and with what the present policy says of the hook of
// the same name: neither is kept in status, which more people may read. One that the policy no longer has has no URL.
func keptHooks(kept, present []v1alpha1.Webhook) []v1alpha1.Webhook {
	var hooks []v1alpha1.Webhook
	for _, hook := range kept {
		hook.URL, hook.Metadata = "", nil
		if at := slices.IndexFunc(present, func(p v1alpha1.Webhook) bool { return p.Name == hook.Name }); at >= 0 {
			hook.URL, hook.Metadata, hook.DisableTLS = present[at].URL, present[at].Metadata, present[at].DisableTLS
		}
		hooks = append(hooks, hook)
	}
	return hooks
}
