package route

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"sluice.dev/sluice/config"
)

// Cohort keeps requests that a canary has marked together: those that carry the header and would go to Service Primary go to
// Service To instead. The annotation sluice.dev/cohorts is a list of cohorts.
type Cohort struct {
	// Deployment is the Deployment whose rollout marks the requests.
	Deployment string `json:"deployment"`
	// Namespace is the namespace of the Deployment. Default: the route's.
	Namespace string `json:"namespace,omitempty"`
	// Header and Value are the mark.
	Header string `json:"header"`
	Value  string `json:"value"`
	// Primary and To are Services of one namespace, which is that of the route's reference to Primary.
	Primary string `json:"primary"`
	To      string `json:"to"`
}

// CohortsOf returns the cohorts in the annotations, or none. The error says what is wrong with a value that Sluice did not
// write.
func CohortsOf(annotations map[string]string) ([]Cohort, error) {
	value, set := annotations[config.AnnotationCohorts]
	if !set {
		return nil, nil
	}
	if err := config.CheckJSON([]byte(value)); err != nil {
		return nil, fmt.Errorf("must be JSON as Sluice writes it: %w", err)
	}
	var cohorts []Cohort
	if err := json.Unmarshal([]byte(value), &cohorts); err != nil {
		return nil, fmt.Errorf("must be JSON as Sluice writes it: %w", err)
	}
	for i, cohort := range cohorts {
		if err := cohort.check(); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return cohorts, nil
}

func (c Cohort) check() error {
	for field, name := range map[string]string{"primary": c.Primary, "to": c.To} {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return fmt.Errorf("%s must be the name of a Service: %s", field, problems[0])
		}
	}
	if c.Deployment == "" || c.Header == "" || c.Value == "" {
		return fmt.Errorf("deployment, header and value must be set")
	}
	if c.Primary == c.To {
		return fmt.Errorf("primary and to must be two Services")
	}
	return nil
}

// EncodeCohorts returns the annotation's value.
func EncodeCohorts(cohorts []Cohort) string {
	return encode(cohorts)
}

// of reports whether the rollout of a Deployment stated the cohort on a route of a namespace.
func (c Cohort) of(deployment types.NamespacedName, namespace string) bool {
	return c.Deployment == deployment.Name && c.namespaceIn(namespace) == deployment.Namespace
}

// namespaceIn returns the namespace of the Deployment, for a cohort on a route of this namespace.
func (c Cohort) namespaceIn(namespace string) string {
	if c.Namespace == "" {
		return namespace
	}
	return c.Namespace
}

// CohortsFor returns the cohorts that a route states for the rollout of a Deployment.
func CohortsFor(r Route, deployment types.NamespacedName) []Cohort {
	cohorts, _ := CohortsOf(r.Annotations)
	return slices.DeleteFunc(cohorts, func(c Cohort) bool { return !c.of(deployment, r.Namespace) })
}

// CohortsTo returns the cohorts of all rollouts on a route whose requests go to a Service.
func CohortsTo(r Route, service types.NamespacedName) []Cohort {
	cohorts, _ := CohortsOf(r.Annotations)
	return slices.DeleteFunc(cohorts, func(c Cohort) bool { return c.To != service.Name || c.namespaceIn(r.Namespace) != service.Namespace })
}

// WithoutCohortsTo removes the cohorts from the route whose requests go to a Service.
func WithoutCohortsTo(r Route, service types.NamespacedName) Route {
	ending := CohortsTo(r, service)
	if len(ending) == 0 {
		return r
	}
	intents, err := IntentsOf(r.Annotations)
	if err != nil {
		return Plain(r)
	}
	intents.Cohorts = slices.DeleteFunc(intents.Cohorts, func(c Cohort) bool { return slices.Contains(ending, c) })
	result, err := With(r, intents)
	if err != nil {
		// A route that can no longer be rendered must not keep sending requests to a Service that is going away.
		return Plain(r)
	}
	return result
}

// WithCohorts states exactly these cohorts for the rollout of a Deployment and renders the route. Cohorts of other
// Deployments stay. The error says what cannot be rendered, and what to do.
func WithCohorts(r Route, deployment types.NamespacedName, cohorts ...Cohort) (Route, error) {
	intents, err := IntentsOf(r.Annotations)
	if err != nil {
		return Route{}, err
	}
	intents.Cohorts = slices.DeleteFunc(intents.Cohorts, func(c Cohort) bool { return c.of(deployment, r.Namespace) })
	for _, cohort := range cohorts {
		cohort.Deployment, cohort.Namespace = deployment.Name, deployment.Namespace
		if cohort.Namespace == r.Namespace {
			cohort.Namespace = ""
		}
		intents.Cohorts = append(intents.Cohorts, cohort)
	}
	return With(r, intents)
}

// WithoutCohorts removes the cohorts of a Deployment's rollout from the route.
func WithoutCohorts(r Route, deployment types.NamespacedName) Route {
	result, err := WithCohorts(r, deployment)
	if err == nil {
		return result
	}
	// A route that can no longer be rendered must not prevent the removal.
	return Plain(r)
}

// withAnnotations writes the annotations of intents, and removes them if there are none.
func withAnnotations(r Route, intents Intents) Route {
	annotations := maps.Clone(r.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	delete(annotations, config.AnnotationSplit)
	delete(annotations, config.AnnotationCohorts)
	if len(intents.Splits) > 0 {
		annotations[config.AnnotationSplit] = EncodeSplits(intents.Splits)
	}
	if len(intents.Cohorts) > 0 {
		annotations[config.AnnotationCohorts] = EncodeCohorts(intents.Cohorts)
	}
	if len(annotations) == 0 {
		annotations = nil
	}
	r.Annotations = annotations
	return r
}
