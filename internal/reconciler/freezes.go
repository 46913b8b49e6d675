package reconciler

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/freeze"
	"sluice.dev/sluice/rollout/observed"
)

// freezes keeps the status of Freezes up to date.
type freezes struct{ client client.Client }

// Reconcile writes the status if it has changed, and runs again at the next change.
func (f freezes) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	found, err := fetch(ctx, f.client, request.NamespacedName, &v1alpha1.Freeze{})
	if err != nil || found == nil {
		return ctrl.Result{}, err
	}
	now := time.Now()
	status, change := freeze.StatusOf(found, now)
	if !equality.Semantic.DeepEqual(found.Status, status) {
		updated := found.DeepCopy()
		updated.Status = status
		if err := f.client.Status().Update(ctx, updated, client.FieldOwner(config.FieldManager)); err != nil {
			return ctrl.Result{}, fmt.Errorf("write status of Freeze %s: %w", found.Name, err)
		}
	}
	if change.IsZero() {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: max(change.Sub(now), time.Millisecond)}, nil
}

func (r *reader) readFreezes(ctx context.Context) ([]v1alpha1.Freeze, error) {
	var list v1alpha1.FreezeList
	err := r.share(ctx, &list)
	return list.Items, err
}

// ofFreeze maps a Freeze to the Canaries that it may hold.
func (r *reader) ofFreeze(ctx context.Context, _ client.Object) []ctrl.Request {
	return r.canaries(ctx, metav1.NamespaceAll, func(canary *v1alpha1.Canary) bool {
		return observed.Active(canary.Status) || canary.Status.Phase == v1alpha1.PhaseWaiting
	})
}
