package reconciler

import (
	"context"
	"fmt"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
)

// reader reads what ticks look at. It has no client that can write, so its methods cannot act on the cluster.
type reader struct {
	// cached reads from the cache.
	cached client.Reader
	// live reads from the API server, because the state of an open rollout must not be stale.
	live client.Reader
	// routes reads routes and grants as JSON, which a client does not read from its cache.
	routes  client.Reader
	options Options

	kinds   atomic.Pointer[kinds]
	decoded decodedRoutes
	absent  absences
	memory  *memory
}

// readable returns the namespaces to list: the one that stands for all, unless the options name some.
func (r *reader) readable() []string {
	if len(r.options.Namespaces) == 0 {
		return []string{corev1.NamespaceAll}
	}
	return r.options.Namespaces
}

// canariesIn lists the Canaries of a namespace, or of all namespaces. They are shared with the cache and must not be changed.
func (r *reader) canariesIn(ctx context.Context, namespace string) ([]v1alpha1.Canary, error) {
	var list v1alpha1.CanaryList
	if err := r.cached.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list Canaries: %w", err)
	}
	return list.Items, nil
}

// fetch reads an object, or nil if there is none.
func fetch[T client.Object](ctx context.Context, reader client.Reader, key client.ObjectKey, object T) (T, error) {
	var none T
	err := reader.Get(ctx, key, object)
	if apierrors.IsNotFound(err) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read %T %s: %w", object, key, err)
	}
	return object, nil
}
