// Package certs makes the certificates of the webhook server: an authority and a certificate of our own, kept in a Secret
// and renewed before they expire.
package certs

import (
	"fmt"

	"github.com/open-policy-agent/cert-controller/pkg/rotator"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Options say where the certificates are kept and who needs them.
type Options struct {
	// Namespace of the release.
	Namespace string
	// Secret that keeps the authority and the certificate.
	Secret string
	// Service that the API server reaches the webhooks at.
	Service string
	// Dir is where the webhook server reads the certificate.
	Dir string
	// Mutating and Validating are the names of the webhook configurations that need the authority's certificate.
	Mutating, Validating string
}

// Setup adds the rotation to a manager. The channel is closed when the certificate is in the folder and its authority in
// the webhook configurations.
func Setup(manager ctrl.Manager, options Options) (<-chan struct{}, error) {
	if err := setupFiles(manager, options); err != nil {
		return nil, fmt.Errorf("set up certificate files: %w", err)
	}
	ready := make(chan struct{})
	host := fmt.Sprintf("%s.%s.svc", options.Service, options.Namespace)
	err := rotator.AddRotator(manager, &rotator.CertRotator{
		SecretKey:      types.NamespacedName{Namespace: options.Namespace, Name: options.Secret},
		CertDir:        options.Dir,
		CAName:         "sluice",
		CAOrganization: "sluice.dev",
		DNSName:        host,
		ExtraDNSNames:  []string{host + ".cluster.local"},
		IsReady:        ready,
		Webhooks: []rotator.WebhookInfo{
			{Name: options.Mutating, Type: rotator.Mutating},
			{Name: options.Validating, Type: rotator.Validating},
		},
		RequireLeaderElection: false,
	})
	if err != nil {
		return nil, fmt.Errorf("set up certificates: %w", err)
	}
	return ready, nil
}
