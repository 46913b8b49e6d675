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

// keeps reports whether a rollout is open and keeps the policy that it started with.
func keeps(state observed.State) bool { return observed.Active(state) && state.Policy != nil }

// Terms are the policies that a tick decides by.
type Terms struct {
	// policy is in force. latest is what annotations and policies say now. kept is set while the two may differ.
	policy, latest config.Policy
	kept           bool
}

// TermsOf returns the terms of a tick. An open rollout keeps the policy that it started with. The switches, the group, the
// identity labels, and the URLs and metadata of hooks are always those of the present policy. Without an open rollout the
// present policy is in force.
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
			kept.Group, kept.IdentityLabels, kept.MissedPolicies = present.Group, present.IdentityLabels, present.MissedPolicies
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

// Policy is the policy in force.
func (t Terms) Policy() config.Policy { return t.policy }

// switches are the fields that always take effect at once.
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

// showPolicy shows which policy is in force and what has changed since an open rollout started. A change without a
// difference in meaning is not shown, so that it causes no write.
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

// changedSince says which fields the next rollout uses with other values.
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

// sourcesOf returns the sources that set a field now or, if none does, that set it before. The built-in default counts only
// if no other source does.
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

// keptHooks returns the hooks that a rollout started with, with the URL and metadata that the present policy gives the hook
// of the same name. The status keeps neither, because more people may read it. A hook that the policy no longer has gets no
// URL.
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
