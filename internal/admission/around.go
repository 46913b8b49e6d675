package admission

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"sluice.dev/sluice/internal/workload"
)

// specOf returns the spec of an object, not a copy of it.
func specOf(object map[string]any) map[string]any {
	spec, _ := object["spec"].(map[string]any)
	return spec
}

// changedSpec returns an object with changes of fields of its spec. It shares everything else with the object.
func changedSpec(object map[string]any, changes workload.Around) map[string]any {
	if len(changes) == 0 {
		return object
	}
	result, spec := maps.Clone(object), maps.Clone(specOf(object))
	changes.Put(spec)
	result["spec"] = spec
	return result
}

// aroundAsked returns the fields around the template that the request changes, read as if the candidate were live, like the
// template. Its fields stay held unless the request states them.
func (s *subject) aroundAsked() (workload.Around, error) {
	applies, err := s.statesTemplate()
	if err != nil {
		return nil, err
	}
	held := workload.Around{}
	if s.candidate.InFlight() || s.candidate != nil && applies {
		held = s.candidate.Around.Due(specOf(s.old))
	}
	asked := workload.Around{}
	for _, name := range workload.AroundFields() {
		states, err := s.statesField(name)
		if err != nil {
			return nil, err
		}
		change, kept := held[name]
		if states || !kept {
			change = workload.FieldChange{From: specOf(s.old)[name], To: specOf(s.new)[name]}
		}
		if !equality.Semantic.DeepEqual(change.From, change.To) {
			asked[name] = change
		}
	}
	return asked, nil
}

// statesField reports whether the request says what a field of the spec shall be: it changes the field, or is a manifest that has
// it. The same manifest, sent again, states the live value of a field that was held back before.
func (s *subject) statesField(name string) (bool, error) {
	if s.isManifest() || !equality.Semantic.DeepEqual(specOf(s.old)[name], specOf(s.new)[name]) {
		return true, nil
	}
	if _, _, applies := s.clientSideApply(); applies {
		return manifestHas(s.annotations[corev1.LastAppliedConfigAnnotation], name), nil
	}
	entry, err := s.serverSideApply()
	if err != nil || entry == nil {
		return false, err
	}
	owned, err := ownedBy(entry)
	return err == nil && has(owned, fieldpath.MakePathOrDie("spec", name)), err
}

// manifestHas reports whether a manifest has a field of the spec.
func manifestHas(manifest, name string) bool {
	var deployment struct {
		Spec map[string]json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal([]byte(manifest), &deployment); err != nil {
		return false
	}
	_, has := deployment.Spec[name]
	return has
}

// riskyAround returns those of the requested changes that are held back with a template. More replicas harm nobody, so they are
// not.
func riskyAround(asked workload.Around) workload.Around {
	change, changed := asked[workload.FieldReplicas]
	if changed && count(change.To) >= count(change.From) {
		return asked.Without(workload.FieldReplicas)
	}
	return asked
}

// count reads replicas, with the API server's default.
func count(replicas any) int64 {
	if number, is := replicas.(int64); is {
		return number
	}
	return 1
}

// holdAround keeps the live values of the fields that are held back with the candidate.
func (s *subject) holdAround(held workload.Around) {
	for name, change := range held {
		s.spec[name] = workload.FieldChange{From: specOf(s.new)[name], To: change.From}
	}
}

// letAroundThrough stores the fields as the request means them, because its template goes through at once.
func (s *subject) letAroundThrough() error {
	asked, err := s.aroundAsked()
	maps.Copy(s.spec, asked)
	return err
}

// putAround stores the fields that are held back with a candidate that is put in, and returns what has changed. A field that
// somebody has changed since stays, and so does the one that the order names.
func (s *subject) putAround(held workload.Around, kept string) workload.Around {
	due := held.Due(specOf(s.old)).Without(kept)
	maps.Copy(s.spec, due)
	return due
}

// aroundRestored returns what a candidate holds back once the fields that a promotion has changed are as before. What the candidate
// does not change was requested as it is live now.
func (s *subject) aroundRestored(held workload.Around) workload.Around {
	due := held.Due(specOf(s.old))
	for name, change := range s.spec {
		if newer, has := due[name]; has {
			change.From = newer.To
		}
		due[name] = workload.FieldChange{From: change.To, To: change.From}
	}
	return riskyAround(due)
}

// warnOfTheRest says what is held back with a template, and what is not.
func (s *subject) warnOfTheRest() {
	held := s.candidate.Around
	if change, has := held[workload.FieldReplicas]; has {
		s.warn("spec.replicas is held back with it: %d replicas stay until %s is promoted, and become %d then; to scale at once: kubectl scale deployment %s -n %s --replicas=%d",
			count(change.From), workload.Short(s.candidate.Hash), count(change.To), s.name(), s.namespace(), count(change.To))
	}
	if names := held.Without(workload.FieldReplicas).Names(); len(names) > 0 {
		s.warn("held back until %s is promoted: %s", workload.Short(s.candidate.Hash), strings.Join(names, ", "))
	}
	if fields := s.changedAround(); len(fields) > 0 {
		s.warn("only the template is held back; in effect at once: %s", strings.Join(fields, ", "))
	}
}

// changedAround names the fields beside the template that the request changes and that are never held back.
func (s *subject) changedAround() []string {
	stored, asked := specOf(s.old), specOf(s.new)
	var changed []string
	for _, fields := range []map[string]any{stored, asked} {
		for field := range fields {
			if field != "template" && !slices.Contains(workload.AroundFields(), field) && !equality.Semantic.DeepEqual(stored[field], asked[field]) {
				changed = append(changed, fmt.Sprintf("spec.%s", field))
			}
		}
	}
	slices.Sort(changed)
	return slices.Compact(changed)
}

// asRequested returns the stored object as if the candidate were live.
func (s *subject) asRequested() *unstructured.Unstructured {
	return withTemplate(changedSpec(s.old, s.candidate.Around.Due(specOf(s.old))), s.candidate.Template)
}
