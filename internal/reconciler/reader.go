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
	// sources reads policies and monitors; nil reads none.
	sources *sources
}

// readable returns the namespaces to list: the one that stands for all, unless the options name some.
func (r *reader) readable() []string {
	if len(r.options.Namespaces) == 0 {
		return []string{corev1.NamespaceAll}
	}
	return r.options.Namespaces
}

// share lists what ticks only look at. The objects are those of the cache, without a copy, and must not be changed.
func (r *reader) share(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if err := r.cached.List(ctx, list, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		return fmt.Errorf("list %T: %w", list, err)
	}
	return nil
}

// glimpse reads an object like fetch. It is that of the cache, without a copy, and must not be changed.
func glimpse[T client.Object](ctx context.Context, r *reader, key client.ObjectKey, object T) (T, error) {
	return fetch(ctx, r.cached, key, object, client.UnsafeDisableDeepCopy)
}

// canariesIn lists the Canaries of a namespace, or of all namespaces. They are shared with the cache and must not be changed.
func (r *reader) canariesIn(ctx context.Context, namespace string) ([]v1alpha1.Canary, error) {
	var list v1alpha1.CanaryList
	err := r.share(ctx, &list, client.InNamespace(namespace))
	return list.Items, err
}

// fetch reads an object, or nil if there is none.
func fetch[T client.Object](ctx context.Context, reader client.Reader, key client.ObjectKey, object T, options ...client.GetOption) (T, error) {
	var none T
	err := reader.Get(ctx, key, object, options...)
	if apierrors.IsNotFound(err) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read %T %s: %w", object, key, err)
	}
	return object, nil
}
