package reconciler

import (
	"context"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout"
)

// slots know which rollouts are open ahead of the cache, which shows a written state only a moment later. Only one process
// reconciles, so nobody else opens any.
type slots struct {
	// starts lets candidates decide one after the other whether they start.
	starts sync.Mutex

	mu    sync.Mutex
	taken map[types.NamespacedName]bool
}

func (s *slots) set(key types.NamespacedName, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == nil {
		s.taken = map[types.NamespacedName]bool{}
	}
	s.taken[key] = open
}

func (s *slots) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taken, key)
}

// open reports whether a rollout is open: what was decided here, else what the cache shows.
func (s *slots) open(key types.NamespacedName, cached rollout.State) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if open, known := s.taken[key]; known {
		return open
	}
	return rollout.Active(cached)
}

// openElsewhere are open rollouts whose Canary the cache does not show yet.
func (s *slots) openElsewhere(shown map[types.NamespacedName]bool) []types.NamespacedName {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []types.NamespacedName
	for key, open := range s.taken {
		if open && !shown[key] {
			keys = append(keys, key)
		}
	}
	return keys
}

// decide makes the plan. Where rollouts are limited, a candidate that is not open yet takes its slot before the next one
// looks; when the state then cannot be written, the next tick takes it again or gives it up.
func (r *Reconciler) decide(ctx context.Context, policy config.Policy, canary *v1alpha1.Canary, o *rollout.Observation) (rollout.Plan, error) {
	limited := r.Limits != (rollout.Limits{})
	if limited && !rollout.Active(canary.Status) {
		r.slots.starts.Lock()
		defer r.slots.starts.Unlock()
	}
	if err := r.readPeers(ctx, policy, canary, o); err != nil {
		return rollout.Plan{}, err
	}
	plan := rollout.Decide(policy, canary.Status, *o)
	if limited && rollout.Active(plan.Next) {
		r.slots.set(client.ObjectKeyFromObject(canary), true)
	}
	return plan, nil
}

// settleSlot gives a slot back once a state without an open rollout is written, and wakes whoever is next.
func (r *Reconciler) settleSlot(ctx context.Context, canary *v1alpha1.Canary, plan rollout.Plan) {
	key := client.ObjectKeyFromObject(canary)
	if r.Limits == (rollout.Limits{}) || rollout.Active(plan.Next) || !r.slots.open(key, canary.Status) {
		return
	}
	r.slots.set(key, false)
	peers, err := r.peersIn(ctx, metav1.NamespaceAll)
	if err != nil {
		// The queue looks again by itself.
		ctrl.LoggerFrom(ctx).Error(err, "wake the next rollout")
		return
	}
	for _, next := range rollout.NextInQueue(peers, r.Limits) {
		woken := &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: next.Namespace, Name: next.Name}}
		select {
		case r.wake <- event.GenericEvent{Object: woken}:
		default:
		}
	}
}

// readPeers reads the Canaries that this one depends on.
func (r *Reconciler) readPeers(ctx context.Context, policy config.Policy, canary *v1alpha1.Canary, o *rollout.Observation) error {
	o.Limits = r.Limits
	namespace := o.Namespace
	switch queues := r.Limits != (rollout.Limits{}) && o.Candidate != nil && !rollout.Active(canary.Status); {
	case queues:
		namespace = metav1.NamespaceAll
	case policy.Group == "":
		return nil
	}
	all, err := r.peersIn(ctx, namespace)
	for _, peer := range all {
		if peer.Namespace != o.Namespace || peer.Name != o.Name {
			o.Peers = append(o.Peers, peer)
		}
	}
	return err
}

// peersIn are the Canaries of a namespace, or of all, as others see them.
func (r *Reconciler) peersIn(ctx context.Context, namespace string) ([]rollout.Peer, error) {
	var list v1alpha1.CanaryList
	if err := r.Client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list Canaries: %w", err)
	}
	shown := map[types.NamespacedName]bool{}
	var peers []rollout.Peer
	for i := range list.Items {
		canary := &list.Items[i]
		key := client.ObjectKeyFromObject(canary)
		shown[key] = true
		peer := rollout.Peer{Namespace: key.Namespace, Name: key.Name, Open: r.slots.open(key, canary.Status), State: canary.Status}
		primary, err := fetch(ctx, r.Client, key, &appsv1.Deployment{})
		if err != nil {
			return nil, err
		}
		if primary != nil && config.OptedIn(primary.Annotations) {
			peer.Group = primary.Annotations[config.AnnotationGroup]
			peer.Held = peer.Group != "" && holds(primary)
		}
		peers = append(peers, peer)
	}
	for _, key := range r.slots.openElsewhere(shown) {
		if namespace == metav1.NamespaceAll {
			peers = append(peers, rollout.Peer{Namespace: key.Namespace, Name: key.Name, Open: true})
		}
	}
	return peers, nil
}

// holds reports whether a Deployment holds back a candidate that has neither failed nor was aborted.
func holds(primary *appsv1.Deployment) bool {
	candidate, err := workload.CandidateOf(primary.Annotations)
	return err == nil && candidate != nil && candidate.Mark == workload.MarkNone
}

// ofGroup maps a member of a group with an open rollout to the others.
func (r *Reconciler) ofGroup(ctx context.Context, object client.Object) []ctrl.Request {
	member, ok := object.(*v1alpha1.Canary)
	if !ok || member.Status.Group == nil {
		return nil
	}
	return r.canaries(ctx, member.Namespace, func(canary *v1alpha1.Canary) bool {
		group := canary.Status.Group
		return group != nil && group.Name == member.Status.Group.Name && canary.Name != member.Name
	})
}
