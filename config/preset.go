package config

import "slices"

// Preset names the queries of the built-in checks for one source of metrics.
type Preset string

// The presets. What each is, is in internal/analysis/presets.
const (
	PresetApp                  Preset = "app"
	PresetAWSALB               Preset = "aws-alb"
	PresetCilium               Preset = "cilium"
	PresetContour              Preset = "contour"
	PresetEnvoyGateway         Preset = "envoy-gateway"
	PresetEnvoyGatewayBackends Preset = "envoy-gateway-backends"
	PresetGKE                  Preset = "gke"
	PresetHAProxy              Preset = "haproxy"
	PresetIstio                Preset = "istio"
	PresetKGateway             Preset = "kgateway"
	PresetKong                 Preset = "kong"
	PresetLinkerd              Preset = "linkerd"
	PresetNGINX                Preset = "nginx"
	PresetTraefik              Preset = "traefik"
)

// Presets are all of them, in the order in which they are listed.
var Presets = []Preset{
	PresetApp,
	PresetAWSALB,
	PresetCilium,
	PresetContour,
	PresetEnvoyGateway,
	PresetEnvoyGatewayBackends,
	PresetGKE,
	PresetHAProxy,
	PresetIstio,
	PresetKGateway,
	PresetKong,
	PresetLinkerd,
	PresetNGINX,
	PresetTraefik,
}

// ofPods are the presets that read what each pod counts.
var ofPods = []Preset{PresetApp, PresetAWSALB, PresetEnvoyGateway, PresetGKE, PresetHAProxy, PresetKong, PresetLinkerd, PresetNGINX}

// OfPods reports whether a preset reads what each pod counts of itself. Such a preset sees requests that do not come through a gateway.
func (p Preset) OfPods() bool { return slices.Contains(ofPods, p) }

// PresetNames are their names in one line.
func PresetNames() string { return join(Presets, ", ") }
