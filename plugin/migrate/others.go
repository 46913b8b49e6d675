package migrate

import (
	"fmt"
	"slices"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/plugin/manifest"
)

func (m *migration) metricTemplate(c *conversion) {
	provider, set := get[string](c.object, "spec.provider.type")
	if set && provider != "prometheus" {
		c.fail(fmt.Sprintf("provider %s is not supported, only prometheus; ask the same of Prometheus, or judge it in a hook of type rollout, and take the checks that name this template out", provider), "spec")
		return
	}
	if c.has("spec.provider.region") {
		c.remove("left out: only CloudWatch has regions", "spec.provider.region")
	}
	c.query("spec.query", m.targets)
	m.Objects = append(m.Objects, Object{Content: c.made(sluice, "MetricTemplate", c.object["spec"])})
}

func (m *migration) alertProvider(c *conversion) {
	m.Objects = append(m.Objects, Object{Content: c.made(sluice, "AlertProvider", c.object["spec"])})
}

// deployment is written as it is, opted in.
func (m *migration) deployment(c *conversion, object manifest.Object) {
	at := slices.IndexFunc(m.given, func(t target) bool { return t.is(object) })
	if replicas, set := get[float64](c.object, "spec.replicas"); set && replicas == 0 {
		c.note("kept: Flagger scales its targets to 0, but here the Deployment serves; set the number of replicas that is needed, or leave it to its autoscaler", "spec.replicas")
	}
	made := c.made("apps/v1", "Deployment", c.object["spec"])
	metadata, _ := made["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotations == nil {
		annotations = map[string]any{}
		metadata["annotations"] = annotations
	}
	annotations[config.AnnotationCanary], annotations[config.AnnotationPolicy] = "true", m.given[at].policy
	m.Objects = append(m.Objects, Object{Content: made})
}
