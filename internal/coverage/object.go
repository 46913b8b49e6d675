package coverage

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Object is what is kept of an object: who it is, and what it selects by.
type Object struct {
	Kind, Namespace, Name string
	// Root is set if it applies to all namespaces, as the operators of the cluster want it.
	Root bool
	// Monitors is set if it only says what is scraped.
	Monitors bool
	// Bound is set if it needs a binding. BindsKind and Binds name the object that this one is a binding of.
	Bound            bool
	BindsKind, Binds string
	// Picks are the ways in which it applies to workloads.
	Picks []Pick
	// Unclear says why it cannot be told what it selects; empty if it can.
	Unclear string
	// Size is how many labels, values and names its picks have.
	Size int
}

// Pick is one way in which an object applies to workloads: to those that fit any of its terms. Role separates ways that only a
// binding for the same role puts in force.
type Pick struct {
	Role  string
	Terms []Term
}

// Term fits a workload that passes all of its tests. One without tests fits every workload.
type Term []Test

// Test looks at one side of a workload.
type Test struct {
	Of    Of
	Match Matcher
}

// Matcher is a selector.
type Matcher interface {
	Matches(labels.Labels) bool
}

const (
	// mostTests is how many labels, values and names are kept of one object.
	mostTests = 250
	// longestName is how long a name or a value may be. Kubernetes has no longer ones.
	longestName = 253
)

var errTooLarge = errors.New("its selectors are too large")

// Read keeps what an object selects by. Content is its JSON. An object that cannot be read says so in Unclear.
func Read(kind Kind, content []byte) Object {
	var head struct {
		Kind     string
		Metadata struct{ Namespace, Name string }
	}
	o := Object{Kind: kind.Kind, Monitors: kind.Monitors, Bound: kind.Bound, BindsKind: kind.Binds}
	if err := json.Unmarshal(content, &head); err != nil {
		o.Unclear = "it cannot be read"
		return o
	}
	if kind.Kind == Any {
		o.Kind = head.Kind
	}
	o.Namespace, o.Name = head.Metadata.Namespace, head.Metadata.Name
	o.Root = o.Namespace == "" || o.Namespace == kind.Root
	p := picker{object: &o, left: mostTests}
	p.finish(kind.read(&p, content))
	return o
}

// finish notes what could not be read, and drops picks that select everything: nobody misses by them.
func (p *picker) finish(err error) {
	o := p.object
	switch o.Size = mostTests - p.left; {
	case errors.Is(err, errTooLarge) || p.left < 0:
		o.Picks, o.Unclear, o.Size = nil, errTooLarge.Error(), 0
	case err != nil:
		o.Picks, o.Unclear, o.Size = nil, "its spec cannot be read", 0
	case !o.Bound && o.BindsKind == "":
		o.Picks = slices.DeleteFunc(o.Picks, func(pick Pick) bool {
			return slices.ContainsFunc(pick.Terms, func(term Term) bool { return len(term) == 0 })
		})
	}
}

// Named returns the kind and the name, and the namespace if it is not the one that is given.
func (o Object) Named(namespace string) string {
	if o.Namespace != "" && o.Namespace != namespace {
		return fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)
	}
	return o.Kind + " " + o.Name
}

// picker collects the picks of an object. left is how many tests it may still keep.
type picker struct {
	object *Object
	left   int
}

// add adds a pick. One without terms selects nothing and is left out.
func (p *picker) add(role string, terms ...Term) {
	if len(terms) > 0 {
		p.object.Picks = append(p.object.Picks, Pick{Role: role, Terms: terms})
	}
}

// labels tests labels by a selector. A selector that is missing or empty needs no test. One that cannot be evaluated fits nothing.
func (p *picker) labels(of Of, selector *metav1.LabelSelector) Term {
	if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return nil
	}
	p.left -= len(selector.MatchLabels)
	for _, expression := range selector.MatchExpressions {
		p.left -= 1 + len(expression.Values)
	}
	if p.left < 0 {
		return nil
	}
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		parsed = labels.Nothing()
	}
	return Term{{of, parsed}}
}

// names tests a name. Without names there is nothing to test.
func (p *picker) names(of Of, names ...string) Term {
	p.left -= len(names)
	if slices.ContainsFunc(names, func(name string) bool { return len(name) > longestName }) {
		p.left = -1
	}
	if len(names) == 0 || p.left < 0 {
		return nil
	}
	return Term{{of, oneOf(names)}}
}
