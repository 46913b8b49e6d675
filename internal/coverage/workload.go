package coverage

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

// Workload is what objects can select it by.
type Workload struct {
	Namespace       string
	NamespaceLabels map[string]string
	// Deployment is its name.
	Deployment       string
	DeploymentLabels map[string]string
	// Pods are the labels of its pods.
	Pods map[string]string
	// Service is the name of its Service; empty if it has none.
	Service       string
	ServiceLabels map[string]string
}

// Of is a side of a workload.
type Of int

// Sides of a workload.
const (
	PodLabels Of = iota
	DeploymentLabels
	DeploymentName
	ServiceLabels
	ServiceName
	// ServiceHost is the host name of the Service without the domain of the cluster, such as podinfo.shop.svc.
	ServiceHost
	NamespaceLabels
	NamespaceName
	// CiliumLabels and CalicoLabels are the labels of the pods with those that Cilium and Calico add.
	CiliumLabels
	CalicoLabels
)

// ofService reports whether a test looks at the Service.
func (of Of) ofService() bool { return of == ServiceLabels || of == ServiceName || of == ServiceHost }

// name is the key of a name that is tested.
const name = "name"

// side returns one side of the workload as labels. A name is a label, too. A Service that there is not has no side.
func (w Workload) side(of Of) (side labels.Set, has bool) {
	switch of {
	case PodLabels:
		return w.Pods, true
	case DeploymentLabels:
		return w.DeploymentLabels, true
	case DeploymentName:
		return labels.Set{name: w.Deployment}, true
	case ServiceLabels:
		return w.ServiceLabels, w.Service != ""
	case ServiceName:
		return labels.Set{name: w.Service}, w.Service != ""
	case ServiceHost:
		return labels.Set{name: w.Service + "." + w.Namespace + ".svc"}, w.Service != ""
	case NamespaceLabels:
		return w.NamespaceLabels, true
	case NamespaceName:
		return labels.Set{name: w.Namespace}, true
	case CiliumLabels:
		return w.inCilium(), true
	}
	return w.inCalico(), true
}

// Fits reports whether an object may apply to the workload by any of its picks.
func (o Object) Fits(w Workload) bool {
	return slices.ContainsFunc(o.Picks, func(pick Pick) bool { return pick.fits(w) })
}

func (p Pick) fits(w Workload) bool {
	return slices.ContainsFunc(p.Terms, func(term Term) bool { return term.fits(w) })
}

func (t Term) fits(w Workload) bool {
	return !slices.ContainsFunc(t, func(test Test) bool {
		side, has := w.side(test.Of)
		return !has || !test.Match.Matches(side)
	})
}

// oneOf matches names, in which * stands for any text and ? for one character.
type oneOf []string

// Matches reports whether one of the names matches.
func (o oneOf) Matches(side labels.Labels) bool {
	return slices.ContainsFunc(o, func(pattern string) bool { return fitsPattern(pattern, side.Get(name)) })
}

// fitsPattern compares in time proportional to both lengths.
func fitsPattern(pattern, text string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return pattern == text
	}
	at, star, resume := 0, -1, 0
	for i := 0; i < len(text); {
		switch {
		case at < len(pattern) && pattern[at] == '*':
			star, resume, at = at, i, at+1
		case at < len(pattern) && (pattern[at] == '?' || pattern[at] == text[i]):
			at, i = at+1, i+1
		case star >= 0:
			resume++
			at, i = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[at:], "*") == ""
}
