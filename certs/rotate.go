package certs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// rotation renews the Secret and puts its bundle into the webhook configurations. It runs on the leader only: a replica with a
// stale cache could put an older bundle back.
type rotation struct {
	client  client.Client
	options Options
}

func setupRotation(manager ctrl.Manager, options Options) error {
	return ctrl.NewControllerManagedBy(manager).
		Named("certificate-rotation").
		For(&corev1.Secret{}).
		Watches(&admissionregistrationv1.MutatingWebhookConfiguration{}, toSecret(options)).
		Watches(&admissionregistrationv1.ValidatingWebhookConfiguration{}, toSecret(options)).
		Complete(&rotation{client: manager.GetClient(), options: options})
}

func toSecret(options Options) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []ctrl.Request {
		return []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: options.Namespace, Name: options.Secret}}}
	})
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
	step, err := Next(secret.Data, r.options.Hosts, r.options.Lifetimes, trusted, time.Now())
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

// inject puts the bundle into both configurations and reports whether it was already there.
func (r *rotation) inject(ctx context.Context, bundle []byte) (bool, error) {
	if len(bundle) == 0 {
		return false, nil
	}
	configurations, err := r.options.configurations(ctx, r.client)
	if err != nil {
		return false, err
	}
	there := true
	var failed error
	for _, c := range configurations {
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

// configuration is a webhook configuration with the client settings of its webhooks.
type configuration struct {
	name   string
	object client.Object
	hooks  []*admissionregistrationv1.WebhookClientConfig
}

func (o Options) configurations(ctx context.Context, reader client.Reader) ([]configuration, error) {
	var mutating admissionregistrationv1.MutatingWebhookConfiguration
	var validating admissionregistrationv1.ValidatingWebhookConfiguration
	found := []configuration{
		{name: "MutatingWebhookConfiguration " + o.Mutating, object: &mutating},
		{name: "ValidatingWebhookConfiguration " + o.Validating, object: &validating},
	}
	for i, name := range []string{o.Mutating, o.Validating} {
		if err := reader.Get(ctx, types.NamespacedName{Name: name}, found[i].object); err != nil {
			return nil, fmt.Errorf("read %s: %w", found[i].name, err)
		}
	}
	for i := range mutating.Webhooks {
		found[0].hooks = append(found[0].hooks, &mutating.Webhooks[i].ClientConfig)
	}
	for i := range validating.Webhooks {
		found[1].hooks = append(found[1].hooks, &validating.Webhooks[i].ClientConfig)
	}
	return found, nil
}
