// Package uninstall takes Sluice out of a cluster in mid-rollout: it takes the place of the controller that reconciles, has
// every rollout cleaned up while admission still serves, and stops the controller.
package uninstall

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"sluice.dev/sluice/internal/reconciler"
)

// Options say what is installed.
type Options struct {
	// Namespace of the release.
	Namespace string
	// Deployment of the controller; its pods have the label app.kubernetes.io/name with the same value.
	Deployment string
	// Lease that the reconciling replica holds.
	Lease string
	// LeaseDuration is the time after which a replica that lost the lease has surely stopped reconciling.
	LeaseDuration time.Duration
	// Timeout for all of it.
	Timeout time.Duration
	// WatchNamespaces are the namespaces with rollouts; empty for all.
	WatchNamespaces []string
}

const (
	holder = "sluice-uninstall"
	// period is how often something is looked at that is waited for.
	period = 500 * time.Millisecond
	// admissionPatience is how long the replica that lost the lease may take to serve admission again.
	admissionPatience = 30 * time.Second
)

// Run returns when no rollout is left and the controller has stopped. When rollouts cannot be cleaned up, the controller goes
// on. The client must not read from a cache.
func Run(ctx context.Context, c client.Client, options Options) (err error) {
	ctx, cancel := context.WithTimeout(ctx, options.Timeout)
	defer cancel()
	logger := log.FromContext(ctx)
	lease, held, err := takeLease(ctx, c, options)
	if err != nil {
		return err
	}
	// The lease must not keep a later installation waiting, nor a controller that is to go on.
	defer func() { err = errors.Join(err, releaseLease(context.WithoutCancel(ctx), c, lease)) }()
	if held {
		logger.Info("waiting for the reconciling replica to stop")
		if err := outlast(ctx, c, options); err != nil {
			return err
		}
	}
	if err := reconciler.CleanUp(ctx, c, options.WatchNamespaces); err != nil {
		return err
	}
	logger.Info("rollouts are cleaned up, stopping the controller")
	return stop(ctx, c, options)
}

// takeLease takes the lease away from whoever holds it, for longer than all of this can last, and reports whether somebody
// did. Without a lease nobody has ever reconciled.
func takeLease(ctx context.Context, c client.Client, options Options) (*coordinationv1.Lease, bool, error) {
	lease := &coordinationv1.Lease{}
	held := false
	err := wait.PollUntilContextCancel(ctx, period, true, func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, types.NamespacedName{Namespace: options.Namespace, Name: options.Lease}, lease)
		if apierrors.IsNotFound(err) {
			lease = nil
			return true, nil
		}
		if err != nil {
			return false, err
		}
		held = held || ptr.Deref(lease.Spec.HolderIdentity, "") != ""
		now := metav1.NowMicro()
		lease.Spec.HolderIdentity, lease.Spec.AcquireTime, lease.Spec.RenewTime = ptr.To(holder), &now, &now
		lease.Spec.LeaseDurationSeconds = ptr.To(int32(options.Timeout/time.Second) + 1)
		err = c.Update(ctx, lease)
		if apierrors.IsConflict(err) {
			return false, nil // renewed in between
		}
		return err == nil, err
	})
	if err != nil {
		return nil, false, fmt.Errorf("take lease %s/%s from the reconciling replica: %w", options.Namespace, options.Lease, err)
	}
	return lease, held, nil
}

func releaseLease(ctx context.Context, c client.Client, lease *coordinationv1.Lease) error {
	if lease == nil {
		return nil
	}
	lease.Spec.HolderIdentity, lease.Spec.LeaseDurationSeconds = ptr.To(""), ptr.To(int32(1))
	if err := c.Update(ctx, lease); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("release lease %s/%s: %w", lease.Namespace, lease.Name, err)
	}
	return nil
}

// outlast waits until the replica that held the lease has surely stopped reconciling, and then until all serve admission
// again: with it, routes are restored without changing the owner of their rules.
func outlast(ctx context.Context, c client.Client, options Options) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for the reconciling replica to stop: %w", ctx.Err())
	case <-time.After(options.LeaseDuration):
	}
	patience, cancel := context.WithTimeout(ctx, admissionPatience)
	defer cancel()
	err := wait.PollUntilContextCancel(patience, period, true, func(ctx context.Context) (bool, error) {
		deployment, err := controller(ctx, c, options)
		if err != nil || deployment == nil {
			return deployment == nil, err
		}
		return deployment.Status.AvailableReplicas >= min(1, ptr.Deref(deployment.Spec.Replicas, 1)), nil
	})
	if err != nil && patience.Err() == nil {
		return err
	}
	return nil
}

// controller is the Deployment of the controller, nil when there is none.
func controller(ctx context.Context, c client.Client, options Options) (*appsv1.Deployment, error) {
	deployment := &appsv1.Deployment{}
	err := c.Get(ctx, types.NamespacedName{Namespace: options.Namespace, Name: options.Deployment}, deployment)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read Deployment %s/%s: %w", options.Namespace, options.Deployment, err)
	}
	return deployment, nil
}

// stop scales the controller to 0 and waits until none of its pods is left, so that nothing starts anew.
func stop(ctx context.Context, c client.Client, options Options) error {
	deployment, err := controller(ctx, c, options)
	if err != nil || deployment == nil {
		return err
	}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"replicas":0}}`))
	if err := c.Patch(ctx, deployment, patch); err != nil {
		return fmt.Errorf("scale Deployment %s/%s to 0: %w", options.Namespace, options.Deployment, err)
	}
	left := "its pods were not looked at"
	err = wait.PollUntilContextCancel(ctx, period, true, func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		if err := c.List(ctx, &pods, client.InNamespace(options.Namespace), client.MatchingLabels{"app.kubernetes.io/name": options.Deployment}); err != nil {
			return false, err
		}
		if len(pods.Items) > 0 {
			left = "pod " + pods.Items[0].Name + " is still there"
		}
		return len(pods.Items) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("stop Deployment %s/%s: %s: %w", options.Namespace, options.Deployment, left, err)
	}
	return nil
}
