package reconciler

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"sluice.dev/sluice/api/v1alpha1"
)

// memory is what the process remembers about its Canaries between ticks. A restart loses it and repeats a few calls and
// queries.
type memory struct {
	metrics  *metrics
	hooks    *hooks
	samples  *samples
	slots    slots
	applied  applied
	refusals refusals
	seen     attention
	covers   covers
	written  written
	records  records
	budget   budget
	copies   copies
	urgency  urgencies
	// problems and claims are what messages say.
	problems recent[string]
	claims   recent[[]corev1.PersistentVolumeAccessMode]
}

func newMemory(query QueryFunc, hook HookFunc, registry prometheus.Registerer) *memory {
	return &memory{metrics: newMetrics(registry), hooks: newHooks(hook), samples: newSamples(query)}
}

// ask starts the calls and queries that a tick needs and ends those that it no longer needs. Later ticks observe the answers.
func (m *memory) ask(ctx context.Context, o reading) {
	m.hooks.ask(ctx, o.Key(), o.needs.Hooks)
	m.samples.ask(ctx, o.Key(), o.needs, o.Sampled)
}

// forget drops everything about a Canary that is gone.
func (m *memory) forget(key types.NamespacedName) {
	m.metrics.forget(key)
	m.hooks.forget(key)
	m.samples.forget(key)
	m.slots.forget(key)
	m.applied.forget(key)
	m.written.forget(key)
	m.records.forget(key)
	m.budget.forget(key)
	m.copies.note(key, false)
	m.refusals.forget(key)
	m.seen.forget(key)
	m.covers.forget(key)
	m.urgency.forget(key)
}

// end ends the calls and queries whose answers no tick will observe. Notifications have a little more time.
func (m *memory) end() {
	m.hooks.end()
	m.samples.end()
}

// wakeUp is the event that causes a tick of a Canary.
func wakeUp(key types.NamespacedName) event.GenericEvent {
	return event.GenericEvent{Object: &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}}
}
