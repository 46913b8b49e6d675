package reconciler

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/observed"
)

// memory is what the process remembers about its Canaries between ticks. A restart loses it and repeats a few calls and
// queries.
type memory struct {
	metrics  *metrics
	hooks    *hooks
	samples  *samples
	counters *counters
	slots    slots
	applied  applied
	refusals refusals
	seen     attention
	// covers are the last looks for policies that miss a canary.
	covers kept[cover]
	// written is what was last written to each canary. Of what is not known, the template is written again.
	written kept[observed.Written]
	records records
	budget  budget
	// staleCopies are the Deployments with a new template, so that the ReplicaSet before may keep a copy of what they held back
	// then. After a restart nobody knows until the template changes again.
	staleCopies kept[bool]
	urgency     urgencies
	// problems and claims are what messages say.
	problems recent[string]
	claims   recent[[]corev1.PersistentVolumeAccessMode]
	// pods are those of the rollouts that are judged.
	pods recent[*observed.Pods]
}

func newMemory(options Options) *memory {
	return &memory{metrics: newMetrics(options.Metrics), hooks: newHooks(options.Hook), samples: newSamples(options.Query), counters: newCounters(options.Counters, options.Query)}
}

// ask starts the calls and queries that a tick needs and ends those that it no longer needs. Later ticks observe the answers.
func (m *memory) ask(ctx context.Context, o reading) {
	m.hooks.ask(ctx, o.Key(), o.needs.Hooks)
	m.samples.ask(ctx, o.Key(), ofChecks(o.needs), o.Sampled)
	m.counters.ask(ctx, o)
}

// writtenTo returns what was last written to the canary of a Deployment, or nil if that is not known.
func (m *memory) writtenTo(key types.NamespacedName) *observed.Written {
	last, known := m.written.get(key)
	if !known {
		return nil
	}
	return &last
}

// forget drops everything about a Canary that is gone.
func (m *memory) forget(key types.NamespacedName) {
	m.metrics.forget(key)
	m.hooks.forget(key)
	m.samples.forget(key)
	m.counters.forget(key)
	m.slots.forget(key)
	m.applied.forget(key)
	m.written.forget(key)
	m.records.forget(key)
	m.budget.forget(key)
	m.staleCopies.forget(key)
	m.refusals.forget(key)
	m.seen.forget(key)
	m.covers.forget(key)
	m.urgency.forget(key)
}

// end ends the calls and queries whose answers no tick will observe. Notifications have a little more time.
func (m *memory) end() {
	m.hooks.end()
	m.samples.end()
	m.counters.end()
}

// wakeUp is the event that causes a tick of a Canary.
func wakeUp(key types.NamespacedName) event.GenericEvent {
	return event.GenericEvent{Object: &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}}
}
