// Package manifests holds what runs in clusters of ours, whatever made them.
package manifests

import _ "embed"

var (
	// CertManager is cert-manager, which only some tests need.
	//go:embed certmanager.yaml
	CertManager string
	// DNS is cluster DNS; kind brings its own.
	//go:embed dns.yaml
	DNS string
	// Gateway is Traefik with a GatewayClass and a Gateway.
	//go:embed gateway.yaml
	Gateway string
	// Prometheus scrapes every annotated pod every 2 s.
	//go:embed prometheus.yaml
	Prometheus string
)
