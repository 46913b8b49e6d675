package workload

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// FieldReplicas is the field of a Deployment's spec that autoscalers write too.
const FieldReplicas = "replicas"

// aroundFields are the fields of a Deployment's spec that are held back with a template: fewer replicas, and how it rolls.
var aroundFields = []string{"minReadySeconds", "progressDeadlineSeconds", FieldReplicas, "strategy"}

// AroundFields returns the names of the fields of a Deployment's spec that can be held back with a template.
func AroundFields() []string { return slices.Clone(aroundFields) }

// FieldChange is a change of one field of a Deployment's spec. A value is decoded JSON, nil for an absent field.
type FieldChange struct {
	From any `json:"from"`
	To   any `json:"to"`
}

// Around are changes of fields beside a template that were requested together with it, by the name of the field.
type Around map[string]FieldChange

// UnmarshalJSON decodes whole numbers as integers, like unstructured objects. An error names a field that cannot be held back.
func (a *Around) UnmarshalJSON(content []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(content, &fields); err != nil {
		return err
	}
	changes := Around{}
	for name, encoded := range fields {
		var values map[string]any
		if !slices.Contains(aroundFields, name) {
			return fmt.Errorf("around: %s is none of %v", name, aroundFields)
		}
		if err := utiljson.Unmarshal(encoded, &values); err != nil {
			return fmt.Errorf("around.%s: %w", name, err)
		}
		changes[name] = FieldChange{From: values["from"], To: values["to"]}
	}
	*a = changes
	return nil
}

// Due returns the changes that can be made to a spec: those of fields that are still as they were. The fields that say how a
// Deployment rolls limit each other, so they change together or not at all.
func (a Around) Due(spec map[string]any) Around {
	left := func(name string) bool { return equality.Semantic.DeepEqual(spec[name], a[name].From) }
	rolls := true
	for name := range a {
		rolls = rolls && (name == FieldReplicas || left(name))
	}
	due := Around{}
	for name, change := range a {
		if name == FieldReplicas && left(name) || name != FieldReplicas && rolls {
			due[name] = change
		}
	}
	return due
}

// Without returns the changes of all other fields.
func (a Around) Without(name string) Around {
	rest := maps.Clone(a)
	delete(rest, name)
	return rest
}

// Undone returns the changes that take these back.
func (a Around) Undone() Around {
	undone := Around{}
	for name, change := range a {
		undone[name] = FieldChange{From: change.To, To: change.From}
	}
	return undone
}

// Put makes the changes in a spec.
func (a Around) Put(spec map[string]any) {
	for name, change := range a {
		if change.To == nil {
			delete(spec, name)
			continue
		}
		spec[name] = change.To
	}
}

// Names lists the fields as paths in a Deployment, in the order of the alphabet.
func (a Around) Names() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		names = append(names, "spec."+name)
	}
	return names
}

// In returns a Deployment with those of the changes that are due; the Deployment itself if there are none.
func (a Around) In(deployment *appsv1.Deployment) *appsv1.Deployment {
	if len(a) == 0 {
		return deployment
	}
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&deployment.Spec)
	if err != nil {
		return deployment
	}
	a.Due(spec).Put(spec)
	changed := deployment.DeepCopy()
	changed.Spec = appsv1.DeploymentSpec{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(spec, &changed.Spec); err != nil {
		return deployment
	}
	return changed
}
