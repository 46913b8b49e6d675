package rollout

import (
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
)

// tellEnd notifies the hooks of type post-rollout how the rollout has ended.
func tellEnd(t *tick) {
	for _, hook := range toldOf(t.policy, v1alpha1.HookPostRollout) {
		t.plan.Tells = append(t.plan.Tells, callOf(hook, t.plan.Next, t.o, nil))
	}
}

// tellHooks notifies the hooks of type event of every event.
func tellHooks(t *tick) {
	for _, event := range t.plan.Events {
		for _, hook := range toldOf(t.policy, v1alpha1.HookEvent) {
			call := callOf(hook, t.plan.Next, t.o, nil)
			call.Payload.Metadata = t.withEvent(hook.Metadata, event)
			t.plan.Tells = append(t.plan.Tells, call)
		}
	}
}

// withEvent adds an event to the metadata of a hook. The fields of the event take precedence.
func (f Facts) withEvent(metadata map[string]string, event events.Event) map[string]string {
	kind := corev1.EventTypeNormal
	if event.Warning {
		kind = corev1.EventTypeWarning
	}
	all := map[string]string{}
	maps.Copy(all, metadata)
	all["eventMessage"], all["eventType"] = event.Message, kind
	all["timestamp"] = strconv.FormatInt(f.o.Now.UnixMilli(), 10)
	return all
}
