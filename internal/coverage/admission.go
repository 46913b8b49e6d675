package coverage

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Roles of what admission judges: the pods, which have the labels of the template, and the Deployment.
const (
	ofPods        = "pods"
	ofDeployments = "deployments"
)

// matchResources says which requests a policy judges.
type matchResources struct {
	NamespaceSelector, ObjectSelector *metav1.LabelSelector
	ResourceRules                     []struct{ APIGroups, Resources []string }
}

// about reports whether the rules are about a resource. Rules that are missing are about all.
func (m matchResources) about(group, resource string) bool {
	if len(m.ResourceRules) == 0 {
		return true
	}
	for _, rule := range m.ResourceRules {
		if (slices.Contains(rule.APIGroups, group) || slices.Contains(rule.APIGroups, Any)) &&
			(slices.Contains(rule.Resources, resource) || slices.Contains(rule.Resources, Any) || slices.Contains(rule.Resources, "*/*")) {
			return true
		}
	}
	return false
}

// judged adds what a policy judges, by role.
func (p *picker) judged(m matchResources) {
	namespace := p.labels(NamespaceLabels, m.NamespaceSelector)
	if m.about("", "pods") || m.about("apps", "replicasets") {
		p.add(ofPods, append(p.labels(PodLabels, m.ObjectSelector), namespace...))
	}
	if m.about("apps", "deployments") {
		p.add(ofDeployments, append(p.labels(DeploymentLabels, m.ObjectSelector), namespace...))
	}
}

// readAdmissionPolicy reads a ValidatingAdmissionPolicy, or one that selects as it does.
func readAdmissionPolicy(p *picker, content []byte) error {
	var o spec[struct{ MatchConstraints *matchResources }]
	err := json.Unmarshal(content, &o)
	if o.Spec.MatchConstraints != nil {
		p.judged(*o.Spec.MatchConstraints)
	}
	return err
}

// readBinding reads a binding of such a policy, which may narrow it.
func readBinding(p *picker, content []byte) error {
	var o spec[struct {
		PolicyName     string
		MatchResources matchResources
	}]
	err := json.Unmarshal(content, &o)
	p.object.Binds = o.Spec.PolicyName
	p.judged(o.Spec.MatchResources)
	return err
}

// resources are what a rule of Kyverno is about.
type resources struct {
	Kinds, Names, Namespaces    []string
	Name                        string
	Selector, NamespaceSelector *metav1.LabelSelector
}

// filter holds resources, as Kyverno's any and all do.
type filter struct{ Resources resources }

// readKyverno reads the rules of a policy of Kyverno.
func readKyverno(p *picker, content []byte) error {
	var o spec[struct {
		Rules []struct {
			Match struct {
				filter
				Any, All []filter
			}
		}
	}]
	err := json.Unmarshal(content, &o)
	for _, rule := range o.Spec.Rules {
		for _, role := range []string{ofPods, ofDeployments} {
			p.ruled(role, rule.Match.Any, append(rule.Match.All, rule.Match.filter))
		}
	}
	return err
}

// ruled adds what a rule is about in one role: what fits any of the first filters, or all of the second ones.
func (p *picker) ruled(role string, anyOf, allOf []filter) {
	var terms []Term
	for _, one := range anyOf {
		if term, is := p.resources(role, one.Resources); is {
			terms = append(terms, term)
		}
	}
	var every Term
	isAbout := false
	for _, one := range allOf {
		if len(one.Resources.Kinds) == 0 {
			continue
		}
		term, is := p.resources(role, one.Resources)
		if !is {
			isAbout = false
			break
		}
		every, isAbout = append(every, term...), true
	}
	if isAbout {
		terms = append(terms, every)
	}
	p.add(role, terms...)
}

// kindsIn are the names by which rules call what has a role.
var kindsIn = map[string][]string{
	ofPods:        {"Pod", "v1/Pod", "ReplicaSet", "apps/v1/ReplicaSet", Any, "*/*"},
	ofDeployments: {"Deployment", "apps/v1/Deployment", Any, "*/*"},
}

// resources returns the tests for one role, and whether it is meant. Names of pods are not known beforehand and are not tested.
func (p *picker) resources(role string, r resources) (Term, bool) {
	if !slices.ContainsFunc(r.Kinds, func(kind string) bool { return slices.Contains(kindsIn[role], kind) }) {
		return nil, false
	}
	of := PodLabels
	var term Term
	if role == ofDeployments {
		of = DeploymentLabels
		if r.Name != "" {
			r.Names = append(r.Names, r.Name)
		}
		term = p.names(DeploymentName, r.Names...)
	}
	term = append(term, p.labels(of, r.Selector)...)
	term = append(term, p.names(NamespaceName, r.Namespaces...)...)
	return append(term, p.labels(NamespaceLabels, r.NamespaceSelector)...), true
}

// readGatekeeper reads the match of a constraint of Gatekeeper.
func readGatekeeper(p *picker, content []byte) error {
	var o spec[struct {
		Match struct {
			Kinds                            []struct{ Kinds []string }
			Namespaces                       []string
			Name                             string
			LabelSelector, NamespaceSelector *metav1.LabelSelector
		}
	}]
	err := json.Unmarshal(content, &o)
	match := o.Spec.Match
	of := resources{Namespaces: match.Namespaces, Name: match.Name, Selector: match.LabelSelector, NamespaceSelector: match.NamespaceSelector}
	for _, kinds := range match.Kinds {
		of.Kinds = append(of.Kinds, kinds.Kinds...)
	}
	if len(match.Kinds) == 0 {
		of.Kinds = []string{Any}
	}
	for _, role := range []string{ofPods, ofDeployments} {
		if term, is := p.resources(role, of); is {
			p.add(role, term)
		}
	}
	return err
}

// monitor is what a ServiceMonitor or a PodMonitor selects.
type monitor struct {
	Selector          *metav1.LabelSelector
	NamespaceSelector struct {
		Any        bool
		MatchNames []string
	}
}

func readServiceMonitor(p *picker, content []byte) error {
	return readMonitor(p, content, ServiceLabels)
}

func readPodMonitor(p *picker, content []byte) error { return readMonitor(p, content, PodLabels) }

func readMonitor(p *picker, content []byte, of Of) error {
	var o spec[monitor]
	err := json.Unmarshal(content, &o)
	names := o.Spec.NamespaceSelector.MatchNames
	if len(names) == 0 {
		names = []string{p.object.Namespace}
	}
	var within Term
	if !o.Spec.NamespaceSelector.Any {
		within = p.names(NamespaceName, names...)
	}
	p.selects(of, o.Spec.Selector, within...)
	return err
}
