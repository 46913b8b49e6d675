package certs

import (
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// configurations reads the webhook configurations.
type configurations struct {
	options Options
	// main reads the Secret and two of the configurations, last the one that is called last.
	main, last client.Reader
	// cache is what last reads from.
	cache cache.Cache
}

// watch adds the cache of the configuration that is called last to a manager.
func watch(manager ctrl.Manager, options Options) (configurations, error) {
	last, err := cache.New(manager.GetConfig(), cache.Options{
		HTTPClient: manager.GetHTTPClient(), Scheme: manager.GetScheme(), Mapper: manager.GetRESTMapper(),
		ByObject: map[client.Object]cache.ByObject{&admissionregistrationv1.MutatingWebhookConfiguration{}: named(options.Last)},
	})
	if err != nil {
		return configurations{}, fmt.Errorf("watch MutatingWebhookConfiguration %s: %w", options.Last, err)
	}
	return configurations{options: options, main: manager.GetClient(), last: last, cache: last}, manager.Add(started{last})
}

// started is a cache that a manager starts together with its own, on every replica. It would start another one on the leader
// only.
type started struct{ cache.Cache }

// GetCache is how the manager knows it.
func (s started) GetCache() cache.Cache { return s.Cache }

// by makes a controller of the Secret notice every change of it and of the configurations.
func (c configurations) by(b *builder.Builder) *builder.Builder {
	toSecret := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []ctrl.Request {
		return []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: c.options.Namespace, Name: c.options.Secret}}}
	})
	return b.For(&corev1.Secret{}).
		Watches(&admissionregistrationv1.MutatingWebhookConfiguration{}, toSecret).
		Watches(&admissionregistrationv1.ValidatingWebhookConfiguration{}, toSecret).
		WatchesRawSource(source.Kind[client.Object](c.cache, &admissionregistrationv1.MutatingWebhookConfiguration{}, toSecret))
}

// configuration is a webhook configuration with the client settings of its webhooks.
type configuration struct {
	name   string
	object client.Object
	hooks  []*admissionregistrationv1.WebhookClientConfig
}

// read returns the configurations in the order in which the API server calls them.
func (c configurations) read(ctx context.Context) ([]configuration, error) {
	var mutating, last admissionregistrationv1.MutatingWebhookConfiguration
	var validating admissionregistrationv1.ValidatingWebhookConfiguration
	found := []configuration{
		{name: c.options.Mutating, object: &mutating}, {name: c.options.Last, object: &last}, {name: c.options.Validating, object: &validating},
	}
	kinds := []string{"MutatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
	for i, reader := range []client.Reader{c.main, c.last, c.main} {
		name := found[i].name
		found[i].name = kinds[i] + " " + name
		if err := reader.Get(ctx, types.NamespacedName{Name: name}, found[i].object); err != nil {
			return nil, fmt.Errorf("read %s: %w", found[i].name, err)
		}
	}
	for i, hooks := range [][]admissionregistrationv1.MutatingWebhook{mutating.Webhooks, last.Webhooks} {
		for j := range hooks {
			found[i].hooks = append(found[i].hooks, &hooks[j].ClientConfig)
		}
	}
	for i := range validating.Webhooks {
		found[2].hooks = append(found[2].hooks, &validating.Webhooks[i].ClientConfig)
	}
	return found, nil
}
