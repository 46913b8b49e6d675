package certs

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// rotation renews the Secret and puts its bundle into the webhook configurations. It runs on the leader only: a replica with a
// stale cache could put an older bundle back.
type rotation struct {
	client         client.Client
	configurations configurations
	options        Options
}

func setupRotation(manager ctrl.Manager, options Options) error {
	watched, err := watch(manager, options)
	if err != nil {
		return err
	}
	return watched.by(ctrl.NewControllerManagedBy(manager)).
		Named("certificate-rotation").
		Complete(&rotation{client: manager.GetClient(), configurations: watched, options: options})
}

// Reconcile writes the Secret first, so that no bundle is trusted before a Secret keeps it.
func (r *rotation) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var secret corev1.Secret
	if err := r.client.Get(ctx, request.NamespacedName, &secret); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	trusted, err := r.inject(ctx, secret.Data[bundleKey])
	if err != nil {
		return ctrl.Result{}, err
	}
	step, err := Next(secret.Data, r.options.Hosts, r.options.Lifetimes, trusted, r.options.Now())
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("renew Secret %s: %w", request, err)
	}
	if step.Did == "" {
		return ctrl.Result{RequeueAfter: step.Wait}, nil
	}
	secret.Data = step.Data
	if err := r.client.Update(ctx, &secret); err != nil {
		return ctrl.Result{}, fmt.Errorf("write Secret %s: %w", request, err)
	}
	log.FromContext(ctx).Info("renewed the webhooks' certificate", "did", step.Did)
	_, err = r.inject(ctx, step.Data[bundleKey])
	return ctrl.Result{RequeueAfter: step.Wait}, err
}

// inject puts the bundle into the configurations and reports whether it was already there.
func (r *rotation) inject(ctx context.Context, bundle []byte) (bool, error) {
	if len(bundle) == 0 {
		return false, nil
	}
	found, err := r.configurations.read(ctx)
	if err != nil {
		return false, err
	}
	there := true
	var failed error
	for _, c := range found {
		missing := false
		for _, hook := range c.hooks {
			missing = missing || !bytes.Equal(hook.CABundle, bundle)
			hook.CABundle = bundle
		}
		if !missing {
			continue
		}
		there = false
		if err := r.client.Update(ctx, c.object); err != nil {
			failed = errors.Join(failed, fmt.Errorf("put the authority into %s: %w", c.name, err))
		}
	}
	return there, failed
}
