package rollout

import (
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

// tellEnd tells the hooks of type post-rollout how the rollout has ended.
func (t *tick) tellEnd() {
	for _, hook := range toldOf(t.policy, v1alpha1.HookPostRollout) {
		t.plan.Tells = append(t.plan.Tells, callOf(hook, t.plan.Next, t.o, nil))
	}
}

// tellHooks tells the hooks of type event what has happened.
func (t *tick) tellHooks() {
	for _, event := range t.plan.Events {
		for _, hook := range toldOf(t.policy, v1alpha1.HookEvent) {
			call := callOf(hook, t.plan.Next, t.o, nil)
			call.Payload.Metadata = t.withEvent(hook.Metadata, event)
			t.plan.Tells = append(t.plan.Tells, call)
		}
	}
}

// withEvent adds an event to the metadata of a hook; what is of the event comes first.
func (t *tick) withEvent(metadata map[string]string, event Event) map[string]string {
	kind := corev1.EventTypeNormal
	if event.Warning {
		kind = corev1.EventTypeWarning
	}
	all := map[string]string{}
	maps.Copy(all, metadata)
	all["eventMessage"], all["eventType"] = event.Message, kind
	all["timestamp"] = strconv.FormatInt(t.o.Now.UnixMilli(), 10)
	return all
}
