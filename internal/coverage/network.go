package coverage

import (
	"encoding/json"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// NetworkPolicies returns what the rules of NetworkPolicies admit pods by. Which pods a policy is about does not matter: one that is
// about the primary's is copied for the canary.
func NetworkPolicies(policies []networkingv1.NetworkPolicy) []Object {
	objects := make([]Object, 0, len(policies))
	for i := range policies {
		o := Object{Kind: "NetworkPolicy", Namespace: policies[i].Namespace, Name: policies[i].Name}
		p := picker{object: &o, left: mostTests}
		for _, rule := range policies[i].Spec.Ingress {
			p.peers(rule.From)
		}
		for _, rule := range policies[i].Spec.Egress {
			p.peers(rule.To)
		}
		p.finish(nil)
		objects = append(objects, o)
	}
	return objects
}

// peers adds what one rule admits pods by.
func (p *picker) peers(peers []networkingv1.NetworkPolicyPeer) {
	var terms []Term
	for _, peer := range peers {
		if peer.PodSelector != nil || peer.NamespaceSelector != nil {
			terms = append(terms, append(p.labels(PodLabels, peer.PodSelector), p.labels(NamespaceLabels, peer.NamespaceSelector)...))
		}
	}
	p.add("", terms...)
}

// podsOf selects pods of some namespaces, or all pods of them.
type podsOf struct {
	Namespaces *metav1.LabelSelector
	Pods       *struct{ NamespaceSelector, PodSelector *metav1.LabelSelector }
}

func (p *picker) podsOf(all ...podsOf) {
	var terms []Term
	for _, one := range all {
		switch {
		case one.Pods != nil:
			terms = append(terms, append(p.labels(PodLabels, one.Pods.PodSelector), p.labels(NamespaceLabels, one.Pods.NamespaceSelector)...))
		case one.Namespaces != nil:
			terms = append(terms, p.labels(NamespaceLabels, one.Namespaces))
		}
	}
	p.add("", terms...)
}

// readAdminNetworkPolicy reads a network policy of the cluster.
func readAdminNetworkPolicy(p *picker, content []byte) error {
	var o spec[struct {
		Subject podsOf
		Ingress []struct{ From []podsOf }
		Egress  []struct{ To []podsOf }
	}]
	err := json.Unmarshal(content, &o)
	p.podsOf(o.Spec.Subject)
	for _, rule := range o.Spec.Ingress {
		p.podsOf(rule.From...)
	}
	for _, rule := range o.Spec.Egress {
		p.podsOf(rule.To...)
	}
	return err
}

// ruleOfCilium is one rule set of a policy of Cilium.
type ruleOfCilium struct {
	EndpointSelector     *metav1.LabelSelector
	Ingress, IngressDeny []struct{ FromEndpoints []metav1.LabelSelector }
	Egress, EgressDeny   []struct {
		ToEndpoints []metav1.LabelSelector
		ToServices  []struct {
			K8sService *struct{ ServiceName, Namespace string }
		}
	}
}

// readCilium reads a policy of Cilium, which has one rule set or several.
func readCilium(p *picker, content []byte) error {
	var o struct {
		Spec  *ruleOfCilium
		Specs []ruleOfCilium
	}
	err := json.Unmarshal(content, &o)
	if o.Spec != nil {
		o.Specs = append(o.Specs, *o.Spec)
	}
	for _, rule := range o.Specs {
		p.selects(CiliumLabels, withoutSources(rule.EndpointSelector))
		for _, ingress := range append(rule.Ingress, rule.IngressDeny...) {
			p.endpoints(ingress.FromEndpoints)
		}
		for _, egress := range append(rule.Egress, rule.EgressDeny...) {
			p.endpoints(egress.ToEndpoints)
			var services []Term
			for _, to := range egress.ToServices {
				if service := to.K8sService; service != nil {
					services = append(services, p.attached(ref{Kind: "Service", Name: service.ServiceName, Namespace: service.Namespace})...)
				}
			}
			p.add("", services...)
		}
	}
	return err
}

func (p *picker) endpoints(selectors []metav1.LabelSelector) {
	var terms []Term
	for i := range selectors {
		terms = append(terms, p.labels(CiliumLabels, withoutSources(&selectors[i])))
	}
	p.add("", terms...)
}

const (
	namespaceInCilium = "io.kubernetes.pod.namespace"
	labelInCilium     = "io.cilium.k8s.namespace.labels."
)

// inCilium returns the labels of the pods with those that Cilium adds.
func (w Workload) inCilium() labels.Set {
	all := labels.Set{namespaceInCilium: w.Namespace}
	for key, value := range w.NamespaceLabels {
		all[labelInCilium+key] = value
	}
	for key, value := range w.Pods {
		all[key] = value
	}
	return all
}

// withoutSources removes the prefixes of label keys by which Cilium says where a label comes from. It leaves out what the primary
// and the canary have in common and what is not known here, such as the name of the cluster and the ServiceAccount.
func withoutSources(selector *metav1.LabelSelector) *metav1.LabelSelector {
	if selector == nil {
		return nil
	}
	plain := &metav1.LabelSelector{MatchLabels: map[string]string{}}
	for key, value := range selector.MatchLabels {
		if key = withoutSource(key); !isUnknownInCilium(key) {
			plain.MatchLabels[key] = value
		}
	}
	for _, expression := range selector.MatchExpressions {
		if expression.Key = withoutSource(expression.Key); !isUnknownInCilium(expression.Key) {
			plain.MatchExpressions = append(plain.MatchExpressions, expression)
		}
	}
	return plain
}

func isUnknownInCilium(key string) bool {
	return strings.HasPrefix(key, "io.cilium.k8s.policy.")
}

func withoutSource(key string) string {
	for _, source := range []string{"k8s:", "any:"} {
		if rest, has := strings.CutPrefix(key, source); has {
			return rest
		}
	}
	return key
}
