package workload

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"sluice.dev/sluice/config"
)

// Identity holds the labels that tell the canary's pods from the primary's. It maps each key to the canary's value.
type Identity map[string]string

// preferred keys are rewritten first, because people look for a workload's name there.
var preferred = []string{"app", "app.kubernetes.io/name", "name"}

// ServicesOf returns the Services whose selector matches the pods of the primary. It leaves out the Services of canaries and controls.
func ServicesOf(primary *appsv1.Deployment, services []corev1.Service) []corev1.Service {
	var found []corev1.Service
	for _, s := range services {
		if !IsCopy(&s) && selects(s, primary.Spec.Template.Labels) {
			found = append(found, s)
		}
	}
	return found
}

// ServicesOfCandidate returns the Services that would select the primary's pods if it ran the candidate.
func ServicesOfCandidate(primary *appsv1.Deployment, candidate corev1.PodTemplateSpec, services []corev1.Service) []corev1.Service {
	promoted := &appsv1.Deployment{ObjectMeta: primary.ObjectMeta}
	promoted.Spec.Template.Labels = candidate.Labels
	return ServicesOf(promoted, services)
}

func selects(service corev1.Service, pod map[string]string) bool {
	for key, value := range service.Spec.Selector {
		if own, has := pod[key]; !has || own != value {
			return false
		}
	}
	return len(service.Spec.Selector) > 0
}

// IdentityFor chooses the fewest labels to rewrite so that neither the primary's selector nor that of any Service of the
// primary matches the canary's pods. With keys, it rewrites exactly those. The error says why that is impossible.
func IdentityFor(primary *appsv1.Deployment, candidate corev1.PodTemplateSpec, services []corev1.Service, keys []string) (Identity, error) {
	if len(keys) > 0 {
		return explicitIdentity(primary, candidate, services, keys)
	}
	if search, may := searchFor(primary, candidate, services); may {
		if keys := search.fewest(); keys != nil {
			return rewritten(candidate.Labels, keys), nil
		}
	}
	return nil, fmt.Errorf("no pod label of Deployment %s distinguishes the canary's pods from the primary's: "+
		"add a label with a unique value, such as app: %s, to the selectors of the Deployment and its Services", primary.Name, primary.Name)
}

// IdentityOf returns the identity that an existing canary was made with, for the pods of a candidate. It returns nil if the
// canary's selector does not select such pods.
func IdentityOf(canary *appsv1.Deployment, candidate corev1.PodTemplateSpec) Identity {
	if canary.Spec.Selector == nil {
		return nil
	}
	identity := Identity{}
	for key, value := range canary.Spec.Selector.MatchLabels {
		switch own := candidate.Labels[key]; {
		case key == config.LabelRole || own == value:
		case own == "" || canaryValue(own) != value:
			return nil
		default:
			identity[key] = value
		}
	}
	if len(identity) == 0 {
		return nil
	}
	return identity
}

func explicitIdentity(primary *appsv1.Deployment, candidate corev1.PodTemplateSpec, services []corev1.Service, keys []string) (Identity, error) {
	for _, key := range keys {
		if candidate.Labels[key] == "" {
			return nil, fmt.Errorf("annotation %s names label %s, which the pods of Deployment %s do not have: correct the annotation",
				config.AnnotationIdentityLabels, key, primary.Name)
		}
	}
	identity := rewritten(candidate.Labels, keys)
	if who := MixedUp(primary, candidate, services, identity); who != "" {
		return nil, fmt.Errorf("annotation %s is not enough: %s would still select the canary's pods; add a label that it selects by",
			config.AnnotationIdentityLabels, who)
	}
	return identity, nil
}

// MixedUp names the Deployment or the Service of the primary that would select the canary's pods. If the primary has no Service
// any more, those that it gets back with the candidate count. It is empty if none would.
func MixedUp(primary *appsv1.Deployment, candidate corev1.PodTemplateSpec, services []corev1.Service, identity Identity) string {
	pod := labels.Set(CanaryLabels(candidate.Labels, identity))
	selector, err := metav1.LabelSelectorAsSelector(primary.Spec.Selector)
	if err != nil || selector.Matches(pod) {
		return "Deployment " + primary.Name
	}
	for _, s := range servicesToAvoid(primary, candidate, services) {
		if selects(s, pod) {
			return "Service " + s.Name
		}
	}
	return ""
}

// servicesToAvoid returns the Services that must not select the canary's pods.
func servicesToAvoid(primary *appsv1.Deployment, candidate corev1.PodTemplateSpec, services []corev1.Service) []corev1.Service {
	if own := ServicesOf(primary, services); len(own) > 0 {
		return own
	}
	return ServicesOfCandidate(primary, candidate, services)
}

// choices returns the candidate's label keys that may be rewritten: preferred keys first, then those of the primary's selector.
func choices(primary *appsv1.Deployment, candidate corev1.PodTemplateSpec) []string {
	var keys []string
	for key := range candidate.Labels {
		if strings.HasPrefix(key, "sluice.dev/") || candidate.Labels[key] == "" {
			continue
		}
		keys = append(keys, key)
	}
	rank := func(key string) int {
		if i := slices.Index(preferred, key); i >= 0 {
			return i
		}
		if _, inSelector := primary.Spec.Selector.MatchLabels[key]; inSelector {
			return len(preferred)
		}
		return len(preferred) + 1
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return keys
}

func rewritten(pod map[string]string, keys []string) Identity {
	identity := Identity{}
	for _, key := range keys {
		identity[key] = canaryValue(pod[key])
	}
	return identity
}

// CanaryLabels returns the labels of the canary's pods: the candidate's with the identity rewritten, and the role.
func CanaryLabels(pod map[string]string, identity Identity) map[string]string {
	return copyLabels(config.RoleCanary, pod, identity)
}

func copyLabels(role string, pod map[string]string, identity Identity) map[string]string {
	result := maps.Clone(pod)
	if result == nil {
		result = map[string]string{}
	}
	maps.Copy(result, identity)
	result[config.LabelRole] = role
	return result
}

// Leak is a Service that would select the canary's pods, and a label by which it would.
type Leak struct {
	Service, Label string
}

// LeakOf returns a Service, other than the one of these pods, that selects pods with these labels, or nil if there is none.
func LeakOf(canaryPod map[string]string, services []corev1.Service, own string) *Leak {
	for _, s := range services {
		if s.Name != own && selects(s, canaryPod) {
			return &Leak{Service: s.Name, Label: slices.Min(slices.Collect(maps.Keys(s.Spec.Selector)))}
		}
	}
	return nil
}
