// Package manifests holds what runs in every cluster of ours, whatever made it.
package manifests

import _ "embed"

var (
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
