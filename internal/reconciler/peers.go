package reconciler

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/rollout/observed"
)

// readPeers reads the Canaries that this one depends on.
func (r *reader) readPeers(ctx context.Context, of parts) ([]observed.Peer, error) {
	namespace := of.key.Namespace
	switch queues := r.options.Limits.Any() && of.candidate != nil && !observed.HasPlace(of.canary.Status); {
	case queues:
		namespace = metav1.NamespaceAll
	case of.present.Policy.Group == "":
		return nil, nil
	}
	peers, err := r.peersIn(ctx, namespace)
	return slices.DeleteFunc(peers, func(peer observed.Peer) bool { return peer.Namespace == of.key.Namespace && peer.Name == of.key.Name }), err
}

// peersIn returns the Canaries of a namespace, or of all namespaces, as peers.
func (r *reader) peersIn(ctx context.Context, namespace string) ([]observed.Peer, error) {
	canaries, err := r.canariesIn(ctx, namespace)
	if err != nil {
		return nil, err
	}
	shown := map[types.NamespacedName]bool{}
	var peers []observed.Peer
	for i := range canaries {
		canary := &canaries[i]
		key := client.ObjectKeyFromObject(canary)
		shown[key] = true
		peer := observed.Peer{Namespace: key.Namespace, Name: key.Name, HasPlace: r.memory.slots.has(key, canary.Status), State: canary.Status}
		if peer.HasPlace && !observed.HasPlace(canary.Status) {
			// The cache does not show yet that nothing holds it any more.
			peer.State.Paused, peer.State.Gate = nil, nil
		}
		primary, err := glimpse(ctx, r, key, &appsv1.Deployment{})
		if err != nil {
			return nil, err
		}
		if primary != nil && config.OptedIn(primary.Annotations) {
			peer.Group = primary.Annotations[config.AnnotationGroup]
			peer.Held = peer.Group != "" && r.memory.records.of(primary).candidate.InFlight()
			peer.Policy = inForce(canary.Status, peer.Group)
		}
		peers = append(peers, peer)
	}
	for _, key := range r.memory.slots.elsewhere(shown) {
		if namespace == metav1.NamespaceAll {
			peers = append(peers, observed.Peer{Namespace: key.Namespace, Name: key.Name, HasPlace: true})
		}
	}
	return peers, nil
}

// inForce returns the policy that a member of a group shows; nil if it shows none.
func inForce(state observed.State, group string) *config.Policy {
	if group == "" || state.Policy == nil {
		return nil
	}
	shown, errs := policy.Parse(state.Policy.Spec)
	if len(errs) > 0 {
		return nil
	}
	return &shown
}

// ofGroup maps a member of a group with an open rollout to the other members.
func (r *reader) ofGroup(ctx context.Context, object client.Object) []ctrl.Request {
	member, ok := object.(*v1alpha1.Canary)
	if !ok || member.Status.Open().Group == nil {
		return nil
	}
	return r.canaries(ctx, member.Namespace, func(canary *v1alpha1.Canary) bool {
		group := canary.Status.Open().Group
		return group != nil && group.Name == member.Status.Open().Group.Name && canary.Name != member.Name
	})
}

// newTerms are changes of what a Canary shares and by which policy.
var newTerms = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, isBefore := e.ObjectOld.(*v1alpha1.Canary)
	now, isNow := e.ObjectNew.(*v1alpha1.Canary)
	return isBefore && isNow && (!equality.Semantic.DeepEqual(before.Status.Target, now.Status.Target) || !equality.Semantic.DeepEqual(before.Status.Policy, now.Status.Policy))
}}

// besideInGroup maps a member of a group to the other members: all must fit on the routes together, before any has a candidate.
func (r *reader) besideInGroup(ctx context.Context, object client.Object) []ctrl.Request {
	group := r.groupOf(ctx, client.ObjectKeyFromObject(object))
	if group == "" {
		return nil
	}
	return r.canaries(ctx, object.GetNamespace(), func(canary *v1alpha1.Canary) bool {
		return canary.Name != object.GetName() && r.groupOf(ctx, client.ObjectKeyFromObject(canary)) == group
	})
}

// groupOf is the group of a Deployment; empty if it has none or cannot be read.
func (r *reader) groupOf(ctx context.Context, key types.NamespacedName) string {
	primary, err := glimpse(ctx, r, key, &appsv1.Deployment{})
	if err != nil || primary == nil {
		return ""
	}
	return primary.Annotations[config.AnnotationGroup]
}
