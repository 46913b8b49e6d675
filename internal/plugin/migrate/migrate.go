// Package migrate converts Flagger manifests to Sluice manifests, with a note on every field that is not copied. It is pure:
// objects in, objects and notes out.
package migrate

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/internal/plugin/manifest"
)

const (
	flagger = "flagger.app"
	sluice  = "sluice.dev/v1alpha1"
)

// Options change the result.
type Options struct {
	// WithDeployments also writes the Deployments that Canaries target, opted in.
	WithDeployments bool
}

// Result is the result of a migration.
type Result struct {
	// Objects are the converted objects, in the order of the input.
	Objects []Object
	// Notes are about fields without a counterpart or with another meaning, in the same order.
	Notes []Note
	// Commands opt in the target Deployments, except those among the Objects.
	Commands []string
}

// Object is one converted object.
type Object struct {
	// Comment holds the lines of the comment above it.
	Comment []string
	// Content is the decoded JSON of the object.
	Content map[string]any
}

// Note says what happened to fields.
type Note struct {
	// Object names the original, such as Canary test/podinfo.
	Object string
	// Fields are the paths of the fields in the original; empty for the object as a whole.
	Fields []string
	// Text says what happened to them and what to do.
	Text string
	// Failed is true if the object could not be converted.
	Failed bool
}

// String formats the note on one line.
func (n Note) String() string {
	parts := []string{n.Object, n.Text}
	if len(n.Fields) > 0 {
		parts = []string{n.Object, strings.Join(n.Fields, ", "), n.Text}
	}
	return strings.Join(parts, ": ")
}

// Failed reports whether an object could not be converted.
func (r Result) Failed() bool {
	return slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Failed })
}

// Migrate converts each Canary of Flagger to a CanaryPolicy and copies its MetricTemplates and AlertProviders. All other
// objects are left out with a note. The given objects do not change.
func Migrate(objects []manifest.Object, options Options) Result {
	m := &migration{targets: targetsOf(objects), templates: templatesOf(objects), options: options}
	if options.WithDeployments {
		m.given = slices.DeleteFunc(slices.Clone(m.targets), func(t target) bool { return !isGiven(t, objects) })
	}
	for _, object := range objects {
		m.convert(object)
	}
	return m.Result
}

// migration collects the result.
type migration struct {
	Result
	// targets are the targets of all Canaries; given are those whose Deployments are written too.
	targets, given []target
	// templates are the MetricTemplates in the input, as namespace/name.
	templates []string
	options   Options
}

func (m *migration) convert(object manifest.Object) {
	c := newConversion(object)
	switch {
	case object.Group() == flagger && object.Kind() == "Canary":
		m.canary(c)
	case object.Group() == flagger && object.Kind() == "MetricTemplate":
		m.metricTemplate(c)
	case object.Group() == flagger && object.Kind() == "AlertProvider":
		m.alertProvider(c)
	case m.options.WithDeployments && slices.ContainsFunc(m.given, func(t target) bool { return t.is(object) }):
		m.deployment(c, object)
	default:
		c.note("not converted: only Canaries, MetricTemplates and AlertProviders of Flagger are; apply it as before")
	}
	m.Notes = append(m.Notes, c.notes...)
}

// conversion is the conversion of one object.
type conversion struct {
	name   string
	object map[string]any
	notes  []Note
}

func newConversion(object manifest.Object) *conversion {
	name := object.Name()
	if object.Namespace() != "" {
		name = object.Namespace() + "/" + name
	}
	c := &conversion{name: object.Kind() + " " + name, object: deepCopy(object.Content)}
	return c
}

// note adds a note on fields, or on the object as a whole if there are none. Fields with the same text share a note.
func (c *conversion) note(text string, fields ...string) {
	for i := range c.notes {
		if each := &c.notes[i]; each.Text == text && len(each.Fields) > 0 && !each.Failed {
			each.Fields = append(each.Fields, fields...)
			return
		}
	}
	c.notes = append(c.notes, Note{Object: c.name, Fields: fields, Text: text})
}

// fail notes why the object cannot be converted.
func (c *conversion) fail(text string, fields ...string) {
	c.notes = append(c.notes, Note{Object: c.name, Fields: fields, Text: "not converted: " + text, Failed: true})
}

func deepCopy(object map[string]any) map[string]any {
	copied := map[string]any{}
	for key, value := range object {
		copied[key] = copyOf(value)
	}
	return copied
}

func copyOf(value any) any {
	switch inner := value.(type) {
	case map[string]any:
		return deepCopy(inner)
	case []any:
		list := make([]any, len(inner))
		for i := range inner {
			list[i] = copyOf(inner[i])
		}
		return list
	case int64:
		return float64(inner)
	}
	return value
}

// YAML formats the objects as one stream for kubectl apply.
func YAML(objects []Object) ([]byte, error) {
	var b strings.Builder
	for i, object := range objects {
		if i > 0 {
			b.WriteString("---\n")
		}
		for _, line := range object.Comment {
			b.WriteString("# " + line + "\n")
		}
		content, err := yaml.Marshal(object.Content)
		if err != nil {
			return nil, fmt.Errorf("encode the objects: %w", err)
		}
		b.Write(content)
	}
	return []byte(b.String()), nil
}
