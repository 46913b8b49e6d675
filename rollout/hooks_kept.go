package rollout

import (
	"fmt"
	"slices"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

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

// isGone reports whether the hook cannot be asked, because the present policy does not have it.
func isGone(hook v1alpha1.Webhook) bool { return hook.URL == "" }

func saysGone(hook v1alpha1.Webhook) string {
	return fmt.Sprintf("hook %s (%s) cannot be asked, since the policy of this rollout has it and that of today has not: put it back, or abort the rollout", hook.Name, hook.Type)
}

// toldOf are the hooks of a type that can be told something.
func toldOf(policy config.Policy, kind v1alpha1.HookType) []v1alpha1.Webhook {
	return slices.DeleteFunc(hooksOf(policy, kind), isGone)
}

// waitForHooks is waitFor where hooks of a type must say yes. While one cannot be asked, waiting costs nothing of the progress
// deadline: a policy that is deleted, or breaks, must not end the rollout.
func (t *tick) waitForHooks(kind v1alpha1.HookType, what string) {
	if !slices.ContainsFunc(hooksOf(t.policy, kind), isGone) {
		t.waitFor(what)
		return
	}
	t.plan.Next.WaitingSince = nil
	t.say(what)
}
