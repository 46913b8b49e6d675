package migrate

import (
	"fmt"
	"slices"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/plugin/manifest"
)

func (m *migration) metricTemplate(c *conversion) {
	provider, set := get[string](c.object, "spec.provider.type")
	if set && !slices.Contains(v1alpha1.ProviderTypes, provider) {
		c.fail(fmt.Sprintf("provider %s is not supported, only %s are; "+
			"ask its API with type http, or check the metric in a hook of type rollout, and remove the checks that use this template",
			provider, strings.Join(v1alpha1.ProviderTypes, ", ")), "spec")
		return
	}
	if c.has("spec.provider.region") && provider != v1alpha1.ProviderCloudWatch {
		c.remove("dropped: only cloudwatch has regions in Flagger", "spec.provider.region")
	}
	if provider == v1alpha1.ProviderCloudWatch || provider == v1alpha1.ProviderStackdriver {
		c.note("kept: Flagger uses the identity of its pod; here the Secret of the template must have "+
			"aws_access_key_id and aws_secret_access_key, or project and serviceAccountKey", "spec.provider.secretRef")
	}
	if c.has("spec.provider.secretRef") {
		c.note("kept: to let the controller read it, install the chart with metricTemplates.secrets=true and label the Secret "+config.LabelCredentials+"=true",
			"spec.provider.secretRef")
	}
	c.query("spec.query", m.targets)
	c.known(&v1alpha1.MetricTemplate{})
	m.Objects = append(m.Objects, Object{Content: c.made(sluice, "MetricTemplate", c.object["spec"])})
}

// templatesOf are the MetricTemplates among the objects.
func templatesOf(objects []manifest.Object) []string {
	var found []string
	for _, object := range objects {
		if object.Group() == flagger && object.Kind() == "MetricTemplate" {
			found = append(found, object.Namespace()+"/"+object.Name())
		}
	}
	return found
}

// references notes MetricTemplates that are not in the input: every rollout waits for the checks that use them.
func (p *canaryPolicy) references() {
	p.each(analysis+".metrics", func(path string, _ map[string]any) {
		name, named := get[string](p.object, path+".templateRef.name")
		namespace, _ := get[string](p.object, path+".templateRef.namespace")
		if namespace == "" {
			namespace = p.namespace
		}
		if key := namespace + "/" + name; named && !slices.Contains(p.templates, key) {
			p.note(fmt.Sprintf("MetricTemplate %s is not in the input: every rollout waits until it exists, so migrate it too",
				strings.TrimPrefix(key, "/")), path+".templateRef")
		}
	})
}

func (m *migration) alertProvider(c *conversion) {
	c.note("kept: this release sends no alerts", "spec.type")
	c.known(&v1alpha1.AlertProvider{})
	m.Objects = append(m.Objects, Object{Content: c.made(sluice, "AlertProvider", c.object["spec"])})
}

// known removes fields that the kind does not have.
func (c *conversion) known(kind any) {
	for _, err := range backwards(manifest.Decode(map[string]any{"spec": c.object["spec"]}, kind)) {
		c.note("dropped: "+messageOf(err), manifest.Remove(c.object, err.Field))
	}
}

// deployment copies a Deployment and opts it in.
func (m *migration) deployment(c *conversion, object manifest.Object) {
	at := slices.IndexFunc(m.given, func(t target) bool { return t.is(object) })
	if replicas, set := get[float64](c.object, "spec.replicas"); set && replicas == 0 {
		c.note("kept: Flagger scales its targets to 0, but here the Deployment serves requests; "+
			"set the replicas that it needs, or remove the field if an autoscaler sets them", "spec.replicas")
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
