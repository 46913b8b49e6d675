// Package certs gives the webhook server its certificate, kept in a Secret: made and renewed by an authority of our own, or
// by cert-manager.
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

// Options say where the certificates are kept and who needs them.
type Options struct {
	// Namespace of the release.
	Namespace string
	// Secret that keeps the authority and the certificate.
	Secret string
	// Hosts are the names that the API server may reach the webhooks by, the one that it uses first.
	Hosts []string
	// Mutating and Validating are the names of the webhook configurations that need the authority's certificate.
	Mutating, Validating string
	// Rotate makes and renews the certificates; without it somebody else does.
	Rotate bool
	// Lifetimes of what Rotate makes.
	Lifetimes Lifetimes
}

// Lifetimes say how long certificates are valid. Both are replaced after two thirds of that.
type Lifetimes struct {
	// CA is how long an authority is valid.
	CA time.Duration
	// Leaf is how long the webhook server's certificate is valid.
	Leaf time.Duration
}

// HostsOf are the names of a Service inside the cluster.
func HostsOf(service, namespace string) []string {
	host := fmt.Sprintf("%s.%s.svc", service, namespace)
	return []string{host, host + ".cluster.local"}
}

// CacheOf limits what the manager's cache reads to the one Secret and the two configurations, so that permissions can be
// limited to their names.
func CacheOf(options Options) map[client.Object]cache.ByObject {
	named := func(name string) cache.ByObject {
		return cache.ByObject{Field: fields.OneTermEqualSelector("metadata.name", name)}
	}
	secret := named(options.Secret)
	secret.Namespaces = map[string]cache.Config{options.Namespace: {}}
	return map[client.Object]cache.ByObject{
		&corev1.Secret{}: secret,
		&admissionregistrationv1.MutatingWebhookConfiguration{}:   named(options.Mutating),
		&admissionregistrationv1.ValidatingWebhookConfiguration{}: named(options.Validating),
	}
}

// Setup adds the certificates to a manager whose cache has the options of CacheOf.
func Setup(manager ctrl.Manager, options Options) (*Serving, error) {
	serving, err := setupServing(manager, options)
	if err != nil {
		return nil, fmt.Errorf("set up the webhooks' certificate: %w", err)
	}
	if !options.Rotate {
		return serving, nil
	}
	if err := setupRotation(manager, options); err != nil {
		return nil, fmt.Errorf("set up the rotation of the webhooks' certificate: %w", err)
	}
	return serving, nil
}
