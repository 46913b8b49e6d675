// Package manifests holds what runs in test clusters, regardless of their provider.
package manifests

import _ "embed"

var (
	// CertManager is cert-manager, which only some tests need.
	//go:embed certmanager.yaml
	CertManager string
	// DNS is cluster DNS. kind has its own.
	//go:embed dns.yaml
	DNS string
	// Gateway is Traefik with a GatewayClass and a Gateway.
	//go:embed gateway.yaml
	Gateway string
	// Prometheus scrapes every annotated pod every 2 s.
	//go:embed prometheus.yaml
	Prometheus string
)
