// Package uninstall removes Sluice from a cluster with open rollouts: it takes over from the reconciling replica, cleans up
// every rollout while admission still serves, and stops the controller.
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

// Options describe the installation.
type Options struct {
	// Namespace is the namespace of the release.
	Namespace string
	// Deployment is the Deployment of the controller. Its pods have the label app.kubernetes.io/name with the same value.
	Deployment string
	// Lease is the lease that the reconciling replica holds.
	Lease string
	// LeaseDuration is the time after which a replica that lost the lease has certainly stopped reconciling.
	LeaseDuration time.Duration
	// Timeout is the limit for the whole uninstallation.
	Timeout time.Duration
	// WatchNamespaces are the namespaces with rollouts. Empty for all.
	WatchNamespaces []string
}

const (
	holder = "sluice-uninstall"
	// period is the interval between two looks at something that is waited for.
	period = 500 * time.Millisecond
	// admissionPatience is how long a replica may take to serve admission.
	admissionPatience = 30 * time.Second
)

// Run cleans up all rollouts and stops the controller. It returns when no rollout is left and the controller has stopped. If
// rollouts cannot be cleaned up, the controller keeps running. The client must not read from a cache.
func Run(ctx context.Context, c client.Client, options Options) (err error) {
	ctx, cancel := context.WithTimeout(ctx, options.Timeout)
	defer cancel()
	logger := log.FromContext(ctx)
	lease, held, err := takeLease(ctx, c, options)
	if err != nil {
		return err
	}
	// A later installation, or a controller that keeps running, must not have to wait for the lease.
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

// takeLease takes the lease from its holder, for longer than the uninstallation can last, and reports whether there was a
// holder. Without a lease no replica has ever reconciled.
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

// outlast waits until the replica that held the lease has certainly stopped reconciling, and then until a replica serves
// admission. With admission, routes are restored without a change of the owner of their rules.
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

// controller returns the Deployment of the controller, or nil if there is none.
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

// stop scales the controller to 0 and waits until none of its pods is left, so that nothing restarts.
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
