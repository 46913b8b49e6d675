// Package migrate turns manifests of Flagger into those of Sluice, and tells of every field what became of it. It is pure:
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

// Options change what is made.
type Options struct {
	// WithDeployments has the Deployments that a Canary targets written too, opted in.
	WithDeployments bool
}

// Result is what became of manifests.
type Result struct {
	// Objects are ours, in the order of those that they were made from.
	Objects []Object
	// Notes are what has no counterpart, or another meaning, in the same order.
	Notes []Note
	// Commands opt in the Deployments that were targets; there are none for Deployments among the Objects.
	Commands []string
}

// Object is one that was made.
type Object struct {
	// Comment are lines above it.
	Comment []string
	// Content is it as JSON.
	Content map[string]any
}

// Note says what became of fields.
type Note struct {
	// Object is the one that was read, as Canary test/podinfo.
	Object string
	// Fields are the paths of the fields in it; empty for the whole object.
	Fields []string
	// Text says what became of them and what to do.
	Text string
	// Failed tells that nothing was made of the object.
	Failed bool
}

// String is the note on one line.
func (n Note) String() string {
	parts := []string{n.Object, n.Text}
	if len(n.Fields) > 0 {
		parts = []string{n.Object, strings.Join(n.Fields, ", "), n.Text}
	}
	return strings.Join(parts, ": ")
}

// Failed reports whether nothing could be made of an object.
func (r Result) Failed() bool {
	return slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Failed })
}

// Migrate makes a CanaryPolicy of each Canary of Flagger, and takes its MetricTemplates and AlertProviders over. All other
// objects are left out with a note. The objects that are given are not changed.
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
	// targets are those of all Canaries, and given those whose Deployments are written as well.
	targets, given []target
	// templates are the MetricTemplates among the objects, as namespace/name.
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

// conversion is one object on its way.
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

// note says what became of fields; a note without fields is about the whole object. Fields of which the same is to be said
// share a note.
func (c *conversion) note(text string, fields ...string) {
	for i := range c.notes {
		if each := &c.notes[i]; each.Text == text && len(each.Fields) > 0 && !each.Failed {
			each.Fields = append(each.Fields, fields...)
			return
		}
	}
	c.notes = append(c.notes, Note{Object: c.name, Fields: fields, Text: text})
}

// fail says why nothing is made of the object.
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

// YAML is the objects as one stream that kubectl apply takes.
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
