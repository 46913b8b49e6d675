package reconciler

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// absencePeriod is how long it may take until a kind is noticed that was just installed, or that Sluice may now read.
	absencePeriod = time.Minute
	// failurePeriod is how long a failing API is not called again.
	failurePeriod = 10 * time.Second
	// optionalLimit is how long a list of such a kind may take.
	optionalLimit = 5 * time.Second
	// scalerPatience is how long ticks wait for KEDA's API before they scale a canary as if nothing else did.
	scalerPatience = 30 * time.Second
)

// optional lists objects of a kind that the cluster may lack, or that the chart's values may forbid to read. It does not watch
// them: a watch would need the permission for as long as the process runs. If the API has failed for longer than scalerPatience,
// optional returns nothing: another project's API must not prevent a rollback.
func (r *reader) optional(ctx context.Context, namespace string, kind schema.GroupVersionKind) ([]unstructured.Unstructured, error) {
	if r.absent.skipped(kind) {
		return nil, nil
	}
	limited, cancel := context.WithTimeout(ctx, optionalLimit)
	defer cancel()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	err := r.live.List(limited, list, client.InNamespace(namespace))
	switch {
	case err == nil:
		r.absent.answered(kind)
		return list.Items, nil
	case meta.IsNoMatchError(err) || apierrors.IsForbidden(err) || apierrors.IsNotFound(err):
		r.absent.note(kind)
		return nil, nil
	case ctx.Err() == nil && r.absent.failed(kind):
		log.FromContext(ctx).Error(err, "the API of a kind fails; rollouts go on without it", "kind", kind.GroupKind().String(), "again-in", failurePeriod)
		return nil, nil
	}
	return nil, fmt.Errorf("list %s: %w", kind.GroupKind(), err)
}

// absences remembers for a while which kinds could not be read, so that not every tick asks for them.
type absences struct {
	mu    sync.Mutex
	kinds map[schema.GroupVersionKind]absence
}

// absence says until when a kind is not read, and since when its API has failed. failing is zero if it has not.
type absence struct{ until, failing time.Time }

// skipped reports whether the kind is not to be read now.
func (a *absences) skipped(kind schema.GroupVersionKind) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Before(a.kinds[kind].until)
}

func (a *absences) answered(kind schema.GroupVersionKind) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.kinds, kind)
}

func (a *absences) note(kind schema.GroupVersionKind) {
	a.set(kind, absence{until: time.Now().Add(absencePeriod)})
}

// failed notes a failure. It reports whether the API has failed for scalerPatience, so that ticks go on without the kind for a
// while.
func (a *absences) failed(kind schema.GroupVersionKind) bool {
	a.mu.Lock()
	noted, now := a.kinds[kind], time.Now()
	a.mu.Unlock()
	if noted.failing.IsZero() {
		noted.failing = now
	}
	without := now.Sub(noted.failing) >= scalerPatience
	if without {
		noted.until = now.Add(failurePeriod)
	}
	a.set(kind, noted)
	return without
}

func (a *absences) set(kind schema.GroupVersionKind, noted absence) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kinds == nil {
		a.kinds = map[schema.GroupVersionKind]absence{}
	}
	a.kinds[kind] = noted
}
