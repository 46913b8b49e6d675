package migrate

import (
	"fmt"
	"slices"
	"strings"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/plugin/manifest"
)

// target is the target of a Canary of Flagger, which is a Deployment.
type target struct{ namespace, name, policy string }

// targetsOf are the targets of the Canaries among the objects.
func targetsOf(objects []manifest.Object) []target {
	var found []target
	for _, object := range objects {
		if object.Group() == flagger && object.Kind() == "Canary" {
			if name, kind := targetRef(object.Content); kind == "Deployment" && name != "" {
				found = append(found, target{object.Namespace(), name, object.Name()})
			}
		}
	}
	return found
}

// is reports whether an object is the target.
func (t target) is(object manifest.Object) bool {
	return object.Kind() == "Deployment" && object.Group() == "apps" && object.Name() == t.name && object.Namespace() == t.namespace
}

func isGiven(t target, objects []manifest.Object) bool { return slices.ContainsFunc(objects, t.is) }

func targetRef(canary map[string]any) (name, kind string) {
	name, _ = get[string](canary, "spec.targetRef.name")
	kind, _ = get[string](canary, "spec.targetRef.kind")
	return name, kind
}

// get is the value at a path, if it has that type.
func get[T any](object map[string]any, path string) (T, bool) {
	value, _ := manifest.Get(object, path)
	typed, is := value.(T)
	return typed, is
}

// command is the command that opts the Deployment in.
func (t target) command() string {
	namespace := ""
	if t.namespace != "" {
		namespace = " -n " + t.namespace
	}
	return fmt.Sprintf("kubectl annotate deployment %s%s %s=true %s=%s", t.name, namespace, config.AnnotationCanary, config.AnnotationPolicy, t.policy)
}

// canaryPolicy is a Canary that becomes a CanaryPolicy.
type canaryPolicy struct {
	*conversion
	target
	// service is the name of the apex Service.
	service string
	// templates are the MetricTemplates in the input, as namespace/name.
	templates []string
}

// rewrites run in this order: first renamed fields, then fields with another meaning, last what validation rejects.
var rewrites = []func(*canaryPolicy){
	(*canaryPolicy).analysis, (*canaryPolicy).weights, (*canaryPolicy).match, (*canaryPolicy).defaults, (*canaryPolicy).scaler, (*canaryPolicy).backends,
	(*canaryPolicy).names, (*canaryPolicy).thresholds, (*canaryPolicy).queries, (*canaryPolicy).references, (*canaryPolicy).hooks, (*canaryPolicy).alerts, (*canaryPolicy).switches, (*canaryPolicy).rejected,
}

func (m *migration) canary(c *conversion) {
	name, kind := targetRef(c.object)
	spec, _ := c.object["spec"].(map[string]any)
	switch {
	case spec == nil || name == "":
		c.fail("it has no targetRef", "spec")
		return
	case kind != "Deployment":
		c.fail(fmt.Sprintf("its target is the %s %s, but only Deployments can be opted in; leave it to Flagger, or turn the target into a Deployment",
			kind, name), "spec")
		return
	}
	t := target{name: name}
	t.policy, _ = get[string](c.object, "metadata.name")
	t.namespace, _ = get[string](c.object, "metadata.namespace")
	p := &canaryPolicy{conversion: c, target: t, service: name, templates: m.templates}
	if service, _ := get[string](c.object, "spec.service.name"); service != "" {
		p.service = service
	}
	for _, rewrite := range rewrites {
		if rewrite(p); slices.ContainsFunc(c.notes, func(n Note) bool { return n.Failed }) {
			return
		}
	}
	made := Object{Content: c.made(sluice, "CanaryPolicy", c.object["spec"])}
	if !slices.Contains(m.given, t) {
		made.Comment = []string{t.command()}
		m.Commands = append(m.Commands, t.command())
	}
	m.Objects = append(m.Objects, made)
}

// remove removes fields and notes it.
func (c *conversion) remove(text string, fields ...string) {
	for _, each := range fields {
		manifest.Remove(c.object, each)
	}
	c.note(text, fields...)
}

// has reports whether a field exists.
func (c *conversion) has(path string) bool {
	_, found := manifest.Get(c.object, path)
	return found
}

// objectAt is the object at a path; it is created if there is none.
func (c *conversion) objectAt(path string) map[string]any {
	if inner, is := get[map[string]any](c.object, path); is {
		return inner
	}
	above, key := c.object, path
	if i := strings.LastIndex(path, "."); i >= 0 {
		above, key = c.objectAt(path[:i]), path[i+1:]
	}
	made := map[string]any{}
	above[key] = made
	return made
}

// set sets a field.
func (c *conversion) set(path string, value any) {
	i := strings.LastIndex(path, ".")
	c.objectAt(path[:i])[path[i+1:]] = value
}

// each calls do with every object of a list and its path.
func (c *conversion) each(path string, do func(path string, entry map[string]any)) {
	list, _ := get[[]any](c.object, path)
	for i := range list {
		if entry, is := list[i].(map[string]any); is {
			do(fmt.Sprintf("%s[%d]", path, i), entry)
		}
	}
}
