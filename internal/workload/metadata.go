package workload

import (
	"slices"
	"strings"
)

// claims are the prefixes of labels by which other tools claim an object. They would prune a copy that carried them, fight over it,
// or change its image.
var claims = []string{
	"sluice.dev/",
	"app.kubernetes.io/managed-by",
	"helm.sh/",
	"argocd.argoproj.io/",
	"kustomize.toolkit.fluxcd.io/",
	"helm.toolkit.fluxcd.io/",
	"keel.sh/",
}

// unclaimed are the labels that a copy gets.
func unclaimed(labels map[string]string) map[string]string {
	return keeping(labels, func(key string) bool { return !hasPrefix(key, claims) })
}

// DescribingAnnotations are the prefixes of the annotations that a copy gets: those that describe how metrics are scraped, and how a
// mesh or a gateway handles the requests of a Service. All others stay behind: they may claim a name, a DNS record, an address, or
// the attention of another controller, and two objects cannot have the same.
var DescribingAnnotations = []string{
	"prometheus.io/",
	"instrumentation.opentelemetry.io/",
	"sidecar.opentelemetry.io/",
	"ad.datadoghq.com/",
	"co.elastic.metrics/",
	"metrics.dynatrace.com/",
	"metric-config.",

	"istio.io/",
	"ambient.istio.io/",
	"networking.istio.io/",
	"proxy.istio.io/",
	"sidecar.istio.io/",
	"traffic.sidecar.istio.io/",
	"linkerd.io/",
	"config.linkerd.io/",
	"config.alpha.linkerd.io/",
	"balancer.linkerd.io/",
	"viz.linkerd.io/",
	"kuma.io/",

	"konghq.com/",
	"traefik.ingress.kubernetes.io/service.",
	"traefik.io/service.",
	"service.kubernetes.io/topology-mode",
}

// describing are the annotations that a copy gets.
func describing(annotations map[string]string) map[string]string {
	return keeping(annotations, IsDescribing)
}

// IsDescribing reports whether a copy gets an annotation.
func IsDescribing(key string) bool { return hasPrefix(key, DescribingAnnotations) }

func hasPrefix(key string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

func keeping(metadata map[string]string, keeps func(key string) bool) map[string]string {
	kept := map[string]string{}
	for key, value := range metadata {
		if keeps(key) {
			kept[key] = value
		}
	}
	return kept
}
