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
	// absencePeriod is how long a kind that is installed, or that may be read, from now on is not noticed.
	absencePeriod = time.Minute
	// failurePeriod is how long an API that does not answer is not asked again.
	failurePeriod = 10 * time.Second
	// optionalLimit is how long a list of such a kind may take.
	optionalLimit = 5 * time.Second
	// scalerPatience is how long ticks wait for the API of KEDA, rather than scale a canary as if nothing else did.
	scalerPatience = 30 * time.Second
)

// optional lists objects of a kind that the cluster may not know, or that the chart's values do not let us read. They are not
// watched: that would need the permission for as long as the process runs. An API that has failed for longer than the patience
// is done without, which failing tells: what belongs to others must not keep a rollout from being rolled back.
func (r *reader) optional(ctx context.Context, namespace string, kind schema.GroupVersionKind, patience time.Duration) (found []unstructured.Unstructured, failing bool, err error) {
	if skip, failing := r.absent.skipped(kind); skip {
		return nil, failing, nil
	}
	limited, cancel := context.WithTimeout(ctx, optionalLimit)
	defer cancel()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	err = r.live.List(limited, list, client.InNamespace(namespace))
	switch {
	case err == nil:
		r.absent.answered(kind)
		return list.Items, false, nil
	case meta.IsNoMatchError(err) || apierrors.IsForbidden(err) || apierrors.IsNotFound(err):
		r.absent.note(kind)
		return nil, false, nil
	case ctx.Err() == nil && r.absent.failed(kind, patience):
		log.FromContext(ctx).Error(err, "the API of a kind fails; rollouts go on without it", "kind", kind.GroupKind().String(), "again-in", failurePeriod)
		return nil, true, nil
	}
	return nil, true, fmt.Errorf("list %s: %w", kind.GroupKind(), err)
}

// absences remembers for a while which kinds could not be read, so that they are not asked for in every tick.
type absences struct {
	mu    sync.Mutex
	kinds map[schema.GroupVersionKind]absence
}

// absence is why a kind is not asked for until a time; failing is since when its API has failed, zero when it has not.
type absence struct{ until, failing time.Time }

// skipped reports whether the kind is not to be asked for now, and whether that is because its API fails.
func (a *absences) skipped(kind schema.GroupVersionKind) (skip, failing bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	noted := a.kinds[kind]
	return time.Now().Before(noted.until), !noted.failing.IsZero()
}

func (a *absences) answered(kind schema.GroupVersionKind) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.kinds, kind)
}

func (a *absences) note(kind schema.GroupVersionKind) {
	a.set(kind, absence{until: time.Now().Add(absencePeriod)})
}

// failed notes a failure, and reports whether the kind is done without for a while, since it has failed for this long.
func (a *absences) failed(kind schema.GroupVersionKind, patience time.Duration) bool {
	a.mu.Lock()
	noted, now := a.kinds[kind], time.Now()
	a.mu.Unlock()
	if noted.failing.IsZero() {
		noted.failing = now
	}
	without := now.Sub(noted.failing) >= patience
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
