package config

// Preset names the queries of the built-in checks for one source of metrics.
type Preset string

// The presets.
const (
	PresetApp          Preset = "app"
	PresetEnvoyGateway Preset = "envoy-gateway"
	PresetIstio        Preset = "istio"
	PresetTraefik      Preset = "traefik"
)

// Presets are all of them, in the order in which they are listed.
var Presets = []Preset{PresetApp, PresetEnvoyGateway, PresetIstio, PresetTraefik}

// PresetNames are their names in one line.
func PresetNames() string { return join(Presets, ", ") }
