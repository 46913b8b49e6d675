// Package certs gives the webhook server its certificate. A Secret keeps it. Sluice's own authority or cert-manager makes and
// renews it.
package certs

import (
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Options say where the certificates are kept and what needs them.
type Options struct {
	// Namespace is the namespace of the release.
	Namespace string
	// Secret is the name of the Secret that keeps the authority and the certificate.
	Secret string
	// Hosts are the host names at which the API server may call the webhooks. It uses the first.
	Hosts []string
	// Mutating, Last and Validating are the names of the webhook configurations that need the authority's certificate. Last is
	// the MutatingWebhookConfiguration that is called after all others.
	Mutating, Last, Validating string
	// Rotate makes and renews the certificates. Without it, something else must, such as cert-manager.
	Rotate bool
	// Lifetimes are those of the certificates that Rotate makes.
	Lifetimes Lifetimes
	// Now is the clock by which Rotate makes and renews them.
	Now func() time.Time
}

// Lifetimes say how long certificates are valid. Each certificate is replaced after two thirds of its lifetime.
type Lifetimes struct {
	// CA is how long an authority is valid.
	CA time.Duration
	// Leaf is how long the webhook server's certificate is valid.
	Leaf time.Duration
}

// HostsOf returns the names of a Service inside the cluster.
func HostsOf(service, namespace string) []string {
	host := fmt.Sprintf("%s.%s.svc", service, namespace)
	return []string{host, host + ".cluster.local"}
}

// CacheOf limits what the manager's cache reads to the Secret and two of the configurations, so that permissions can be limited
// to their names. A cache watches one name of a kind, so the last configuration has another cache.
func CacheOf(options Options) map[client.Object]cache.ByObject {
	secret := named(options.Secret)
	secret.Namespaces = map[string]cache.Config{options.Namespace: {}}
	return map[client.Object]cache.ByObject{
		&corev1.Secret{}: secret,
		&admissionregistrationv1.MutatingWebhookConfiguration{}:   named(options.Mutating),
		&admissionregistrationv1.ValidatingWebhookConfiguration{}: named(options.Validating),
	}
}

func named(name string) cache.ByObject {
	return cache.ByObject{Field: fields.OneTermEqualSelector("metadata.name", name)}
}

// Serve adds the controller of the certificate that this replica serves to a manager whose cache has the options of CacheOf.
func Serve(manager ctrl.Manager, options Options) (*Serving, error) {
	serving, err := setupServing(manager, options)
	if err != nil {
		return nil, fmt.Errorf("set up the webhooks' certificate: %w", err)
	}
	return serving, nil
}

// Rotate adds the controller that makes and renews the certificates to a manager whose cache has the options of CacheOf. It
// adds none if something else renews them.
func Rotate(manager ctrl.Manager, options Options) error {
	if !options.Rotate {
		return nil
	}
	if err := setupRotation(manager, options); err != nil {
		return fmt.Errorf("set up the rotation of the webhooks' certificate: %w", err)
	}
	return nil
}
