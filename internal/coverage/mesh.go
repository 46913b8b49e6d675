package coverage

import (
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// spec is the part of an object that a kind is read from.
type spec[T any] struct {
	Spec T
}

// ref names an object that a policy is attached to.
type ref struct {
	Group, Kind, Name, Namespace string
}

// attached tests for the Services that a policy is attached to. Gateways and routes serve the canary, too.
func (p *picker) attached(refs ...ref) []Term {
	var terms []Term
	for _, r := range refs {
		if r.Kind != "Service" || r.Group != "" && r.Group != "core" {
			continue
		}
		if r.Namespace == "" {
			r.Namespace = p.object.Namespace
		}
		terms = append(terms, append(p.names(ServiceName, r.Name), p.names(NamespaceName, r.Namespace)...))
	}
	return terms
}

// targets are the two ways in which policies name what they are attached to.
type targets struct {
	TargetRef  *ref
	TargetRefs []ref
}

func (t targets) all() []ref {
	if t.TargetRef != nil {
		return append(t.TargetRefs, *t.TargetRef)
	}
	return t.TargetRefs
}

// readAttached reads a policy that is attached to Services by their names.
func readAttached(p *picker, content []byte) error {
	var o spec[targets]
	err := json.Unmarshal(content, &o)
	p.add("", p.attached(o.Spec.all()...)...)
	return err
}

// readIstio reads a policy of Istio: it selects pods by labels, is attached to Services, or is about the host of a Service.
func readIstio(p *picker, content []byte) error {
	var o spec[struct {
		targets
		Selector         *struct{ MatchLabels map[string]string }
		WorkloadSelector *struct{ MatchLabels, Labels map[string]string }
		Host             string
	}]
	err := json.Unmarshal(content, &o)
	p.add("", p.attached(o.Spec.all()...)...)
	if selector := o.Spec.Selector; selector != nil {
		p.selects(PodLabels, &metav1.LabelSelector{MatchLabels: selector.MatchLabels})
	}
	if selector := o.Spec.WorkloadSelector; selector != nil {
		p.selects(PodLabels, &metav1.LabelSelector{MatchLabels: selector.MatchLabels})
		p.selects(PodLabels, &metav1.LabelSelector{MatchLabels: selector.Labels})
	}
	if o.Spec.Host != "" {
		p.add("", p.names(ServiceHost, hostIn(o.Spec.Host, p.object.Namespace)))
	}
	return err
}

// selects adds a pick by labels. A selector that selects everything misses nothing.
func (p *picker) selects(of Of, selector *metav1.LabelSelector, more ...Test) {
	if term := p.labels(of, selector); len(term) > 0 {
		p.add("", append(term, more...))
	}
}

// hostIn returns a host as NAME.NAMESPACE.svc, without the domain of the cluster. Istio completes short names with the namespace of
// the object that they are in.
func hostIn(host, namespace string) string {
	parts := strings.Split(host, ".")
	switch {
	case host == Any:
		return Any
	case len(parts) == 1:
		return host + "." + namespace + ".svc"
	case len(parts) == 2 || parts[2] == "svc":
		return parts[0] + "." + parts[1] + ".svc"
	}
	return host
}

// readServer reads a Server of Linkerd, by which its authorization policies select pods.
func readServer(p *picker, content []byte) error {
	var o spec[struct{ PodSelector *metav1.LabelSelector }]
	err := json.Unmarshal(content, &o)
	p.selects(PodLabels, o.Spec.PodSelector)
	return err
}

// readServiceProfile reads a ServiceProfile of Linkerd, whose name is the host of a Service.
func readServiceProfile(p *picker, _ []byte) error {
	p.add("", p.names(ServiceHost, hostIn(p.object.Name, p.object.Namespace)))
	return nil
}

// targetOfKuma names pods by labels or tags, or a Service.
type targetOfKuma struct {
	Kind, Name, Namespace string
	Labels, Tags          map[string]string
}

// readKuma reads a MeshTrafficPermission: what it is about, and whom it lets in.
func readKuma(p *picker, content []byte) error {
	var o spec[struct {
		TargetRef *targetOfKuma
		From      []struct{ TargetRef targetOfKuma }
	}]
	err := json.Unmarshal(content, &o)
	if o.Spec.TargetRef != nil {
		p.add("", p.inKuma(*o.Spec.TargetRef)...)
	}
	var peers []Term
	for _, from := range o.Spec.From {
		peers = append(peers, p.inKuma(from.TargetRef)...)
	}
	p.add("", peers...)
	return err
}

// inKuma returns the terms of a target. One that is neither pods nor a Service is about everything.
func (p *picker) inKuma(target targetOfKuma) []Term {
	switch target.Kind {
	case "MeshSubset", "Dataplane", "MeshServiceSubset":
		return p.podsInKuma(target.Tags, target.Labels)
	case "MeshService":
		service, namespace, is := serviceInKuma(target.Name)
		if !is {
			service, namespace = target.Name, target.Namespace
		}
		if namespace == "" {
			namespace = p.object.Namespace
		}
		return []Term{append(p.names(ServiceName, service), p.names(NamespaceName, namespace)...)}
	}
	return []Term{nil}
}

// podsInKuma returns the terms of tags and labels. One of them may name the Service. Those that Kuma adds are not known here.
func (p *picker) podsInKuma(tags, pods map[string]string) []Term {
	if service, namespace, is := serviceInKuma(tags["kuma.io/service"]); is {
		return []Term{append(p.names(ServiceName, service), p.names(NamespaceName, namespace)...)}
	}
	own := map[string]string{}
	for _, given := range []map[string]string{tags, pods} {
		for key, value := range given {
			if !strings.HasPrefix(key, "kuma.io/") && !strings.HasPrefix(key, "k8s.kuma.io/") {
				own[key] = value
			}
		}
	}
	return []Term{p.labels(PodLabels, &metav1.LabelSelector{MatchLabels: own})}
}

// serviceInKuma splits the name NAME_NAMESPACE_svc_PORT.
func serviceInKuma(name string) (service, namespace string, is bool) {
	parts := strings.Split(name, "_")
	if len(parts) < 3 || parts[2] != "svc" {
		return "", "", false
	}
	return parts[0], parts[1], true
}
