package route

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
)

// SplitsOf returns the splits in the annotations, or none. The error says what is wrong with a value that Sluice did not write.
func SplitsOf(annotations map[string]string) ([]Split, error) {
	value, set := annotations[config.AnnotationSplit]
	if !set {
		return nil, nil
	}
	if err := config.CheckJSON([]byte(value)); err != nil {
		return nil, fmt.Errorf("must be JSON as Sluice writes it: %w", err)
	}
	var splits []Split
	if err := json.Unmarshal([]byte(value), &splits); err != nil {
		return nil, fmt.Errorf("must be JSON as Sluice writes it: %w", err)
	}
	if len(splits) > mostSplits {
		return nil, errSplits(len(splits))
	}
	seen := map[types.NamespacedName]bool{}
	for i, split := range splits {
		integers(split.CanaryBackend)
		for _, check := range []func() error{split.checkNames, split.checkNumbers, split.checkCookies} {
			if err := check(); err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
		}
		if seen[split.key()] {
			return nil, fmt.Errorf("[%d]: Deployment %s has another split", i, split.Deployment)
		}
		seen[split.key()] = true
	}
	return splits, nil
}

// mostSplits is how many Deployments can share a route. Every pair of them is compared.
const mostSplits = 64

func errSplits(n int) error {
	return fmt.Errorf("the splits of at most %d Deployments fit on one route, not %d: divide the route", mostSplits, n)
}

// EncodeSplits returns the annotation's value.
func EncodeSplits(splits []Split) string {
	return encode(splits)
}

// key identifies the Deployment among the splits of one route.
func (s Split) key() types.NamespacedName {
	return types.NamespacedName{Namespace: s.Namespace, Name: s.Deployment}
}

// of reports whether the rollout of a Deployment stated the split on a route of a namespace.
func (s Split) of(deployment types.NamespacedName, namespace string) bool {
	return s.Deployment == deployment.Name && s.namespaceIn(namespace) == deployment.Namespace
}

// SplitFor returns the split that a route states for a Deployment, or nil if it states none for it.
func SplitFor(r Route, deployment types.NamespacedName) *Split {
	splits, err := SplitsOf(r.Annotations)
	if err != nil {
		return nil
	}
	for i := range splits {
		if splits[i].of(deployment, r.Namespace) {
			return &splits[i]
		}
	}
	return nil
}

// SplitsBeside returns the splits that a route states for other Deployments.
func SplitsBeside(r Route, deployment types.NamespacedName) []Split {
	splits, err := SplitsOf(r.Annotations)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(splits, func(s Split) bool { return s.of(deployment, r.Namespace) })
}

// States reports whether a route states exactly this split for its Deployment.
func States(r Route, split Split) bool {
	stated := SplitFor(r, split.DeploymentOn(r))
	return stated != nil && stated.on(r.Namespace).Encode() == split.on(r.Namespace).Encode()
}

// stating returns the splits with one of them stated anew, in the order of the Deployments.
func stating(splits []Split, stated Split, namespace string) []Split {
	stated = stated.on(namespace)
	rest := slices.DeleteFunc(slices.Clone(splits), func(s Split) bool { return s.on(namespace).key() == stated.key() })
	return inOrder(append(rest, stated))
}

// inOrder sorts splits, so that the rendering does not depend on who stated first.
func inOrder(splits []Split) []Split {
	slices.SortFunc(splits, func(a, b Split) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Deployment, b.Deployment))
	})
	return splits
}

// addsRules reports whether the split adds rules before those of its primary, now or later.
func (s Split) addsRules() bool {
	return s.Alone || len(s.Match) > 0 || s.Affinity != nil
}

// checkTogether returns an error if two splits cannot be rendered on one route.
func checkTogether(plain Route, splits []Split) error {
	if len(splits) > mostSplits {
		return errSplits(len(splits))
	}
	for i, a := range splits {
		for _, b := range splits[i+1:] {
			if err := clash(plain, a, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// controlsClash reports whether the control of one of two splits is a backend of the other.
func controlsClash(r Route, a, b Split) bool {
	return controlClashes(r, a, b) || controlClashes(r, b, a)
}

// controlClashes reports whether the control of a split is a backend of another one.
func controlClashes(r Route, of, other Split) bool {
	control, has := of.control(r.Namespace)
	primary, canary := other.backends(r.Namespace)
	others, controlled := other.control(r.Namespace)
	return has && (control == primary || control == canary || controlled && control == others)
}

// clash returns an error if two splits contradict each other. Splits of different Services go together, even in one rule: each
// shares the weight of its own Service. Only the rules that one of them adds would take the requests of the other.
func clash(r Route, a, b Split) error {
	primaryA, canaryA := a.backends(r.Namespace)
	primaryB, canaryB := b.backends(r.Namespace)
	switch {
	case primaryA == primaryB:
		return fmt.Errorf("Deployments %s and %s both share the requests for %s %s: give each a Service of its own", a.Deployment, b.Deployment,
			primaryA.kind, primaryA.name)
	case canaryA == canaryB || canaryA == primaryB || canaryB == primaryA:
		return fmt.Errorf("the canary of Deployment %s or %s is also another backend of the two: give each backends of its own", a.Deployment, b.Deployment)
	case controlsClash(r, a, b):
		return fmt.Errorf("the control of Deployment %s or %s is also another backend of the two: give each backends of its own", a.Deployment, b.Deployment)
	case !a.addsRules() && !b.addsRules():
		return nil
	}
	for i, rule := range r.Rules {
		if sends(asMap(rule), primaryA, r.Namespace) && sends(asMap(rule), primaryB, r.Namespace) {
			return fmt.Errorf("spec.rules[%d] sends to both Services %s and %s, and match and session affinity need a rule with only one of them: "+
				"divide the rule", i, a.Primary, b.Primary)
		}
	}
	return nil
}
