package route

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"sluice.dev/sluice/config"
)

// Split says how the requests for a Service are shared with its canary. The annotation sluice.dev/split is a list of splits, one
// for each Deployment, which admission renders into the rules.
type Split struct {
	// Deployment is the Deployment that is being rolled out.
	Deployment string `json:"deployment"`
	// Namespace is the namespace of the Deployment and its Services. Default: the route's.
	Namespace string `json:"namespace,omitempty"`
	// Primary and Canary are the names of the two Services.
	Primary string `json:"primary"`
	Canary  string `json:"canary"`
	// Control is the name of the Service of a control, which gets as many of the primary's requests as the canary, as far as the primary
	// has as many. Empty for none.
	Control string `json:"control,omitempty"`
	// Weight is the canary's percentage of the requests, 0 to 100, with at most two decimals.
	Weight float64 `json:"weight"`
	// Decimals is the number of decimals of the weights of the whole rollout, 0 to 2, so that the scale stays the same
	// throughout.
	Decimals int32 `json:"decimals,omitempty"`
	// Scale is the factor by which the user's weights were multiplied so that they can be shared exactly. Default 1.
	Scale int32 `json:"scale,omitempty"`
	// Alone is set if the rollout adds rules before those of the primary at any time, for matches or session affinity. No other
	// split can then share a rule with the primary.
	Alone bool `json:"alone,omitempty"`
	// Match selects requests that go to the canary regardless of its weight: those of the primary that match any of the entries.
	// Other backends of a rule keep their share of them.
	Match []Match `json:"match,omitempty"`
	// Mirror is the percentage of the primary's requests that is mirrored to the canary, 0 to 100, with at most two decimals.
	// The answers to mirrored requests are discarded. It does not fit on a rule with other backends.
	Mirror float64 `json:"mirror,omitempty"`
	// Affinity keeps a user on the version that first answered, by cookies. Nil for none. It has no effect on GRPCRoutes.
	Affinity *Affinity `json:"affinity,omitempty"`
	// Mark is a header that is set on the canary's requests. Nil for none. Mirrored requests have no mark.
	Mark *Header `json:"mark,omitempty"`
	// PrimaryBackend is the backend of the routes that stands for the primary in place of its Service; nil for the Service.
	PrimaryBackend *Backend `json:"primaryBackend,omitempty"`
	// CanaryBackend is a full backend reference, with the defaults of the API filled in, that stands for the canary in place
	// of a copy of the primary's reference. Its weight is ignored. Without a namespace, it and the backends of its filters are in
	// that of the Deployment, also on a route of another namespace.
	CanaryBackend map[string]any `json:"canaryBackend,omitempty"`
}

// Naming is the split as far as it lets a gateway know the canary: without any requests.
func (s Split) Naming() Split {
	s.Weight, s.Mirror, s.Match, s.Affinity = 0, 0, nil, nil
	return s
}

// Header is a header with its value.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Match is a set of conditions that a request must all meet, in terms of the Gateway API. GRPCRoutes ignore entries with
// query parameters, a method or a path.
type Match struct {
	Headers     []ValueMatch `json:"headers,omitempty"`
	QueryParams []ValueMatch `json:"queryParams,omitempty"`
	// Method is the method of the request, such as GET.
	Method string `json:"method,omitempty"`
	// Path is the condition on the path. Nil for any path.
	Path *PathMatch `json:"path,omitempty"`
}

// ValueMatch is a condition on a header or a query parameter.
type ValueMatch struct {
	Name string `json:"name"`
	// Type is Exact or RegularExpression. Default Exact.
	Type  string `json:"type,omitempty"`
	Value string `json:"value"`
}

// PathMatch is a condition on the path.
type PathMatch struct {
	// Type is Exact, PathPrefix or RegularExpression.
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Affinity holds the cookies that keep a user on a version.
type Affinity struct {
	// Cookie is set on answers of the canary. Requests that carry it go to the canary while it has a weight or testers.
	Cookie Cookie `json:"cookie"`
	// Primary is set on answers of the primary. Requests that carry it go to the primary while it has a weight.
	Primary *Cookie `json:"primary,omitempty"`
	// Expired are cookies of earlier rollouts. Requests that carry one go to the primary, and the answer removes it. A cookie
	// without a value matches every value.
	Expired []Cookie `json:"expired,omitempty"`
}

// Cookie is a cookie that is set as "name=value; attributes".
type Cookie struct {
	Name       string `json:"name"`
	Value      string `json:"value"`
	Attributes string `json:"attributes,omitempty"`
}

// Encode returns the split as the annotation lists it.
func (s Split) Encode() string {
	return encode(s)
}

func encode(value any) string {
	content, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings, finite numbers and decoded JSON can always be encoded
	}
	return string(content)
}

func (s Split) scale() int64 {
	return max(1, int64(s.Scale))
}

// backends returns the primary and the canary in a route of this namespace.
func (s Split) backends(namespace string) (primary, canary backend) {
	service := types.NamespacedName{Namespace: s.namespaceIn(namespace), Name: s.Primary}
	primary = serviceBackend(service)
	if s.PrimaryBackend != nil {
		primary = s.PrimaryBackend.in(service.Namespace)
	}
	if s.CanaryBackend != nil {
		return primary, backendOf(s.CanaryBackend, service.Namespace)
	}
	service.Name = s.Canary
	return primary, serviceBackend(service)
}

// control returns the control in a route of this namespace, and whether there is one.
func (s Split) control(namespace string) (control backend, has bool) {
	return serviceBackend(types.NamespacedName{Namespace: s.namespaceIn(namespace), Name: s.Control}), s.Control != ""
}

// namespaceIn returns the namespace of the Deployment, for a split on a route of this namespace.
func (s Split) namespaceIn(namespace string) string {
	if s.Namespace == "" {
		return namespace
	}
	return s.Namespace
}

// on returns the split as a route of this namespace states it, without the scale.
func (s Split) on(namespace string) Split {
	if s.Namespace == namespace {
		s.Namespace = ""
	}
	s.Scale = 0
	return s
}

// DeploymentOn returns the Deployment of a split that a route states.
func (s Split) DeploymentOn(r Route) types.NamespacedName {
	return types.NamespacedName{Namespace: s.namespaceIn(r.Namespace), Name: s.Deployment}
}

func (s Split) checkNames() error {
	for field, name := range map[string]string{"primary": s.Primary, "canary": s.Canary} {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return fmt.Errorf("%s must be the name of a Service: %s", field, problems[0])
		}
	}
	if s.Control != "" && (len(validation.IsDNS1123Label(s.Control)) > 0 || s.Control == s.Primary || s.Control == s.Canary) {
		return fmt.Errorf("control must be the name of a third Service, not %q", s.Control)
	}
	if problems := validation.IsDNS1123Subdomain(s.Deployment); len(problems) > 0 {
		return fmt.Errorf("deployment must be the name of a Deployment: %s", problems[0])
	}
	if s.Namespace != "" && len(validation.IsDNS1123Label(s.Namespace)) > 0 {
		return fmt.Errorf("namespace must be the name of a namespace, not %q", s.Namespace)
	}
	// A reference may have a namespace, so any will do to tell the two apart.
	if primary, canary := s.backends("-"); primary == canary {
		return fmt.Errorf("primary and canary must be two Services")
	}
	return nil
}

func (s Split) checkNumbers() error {
	for field, percent := range map[string]float64{"weight": s.Weight, "mirror": s.Mirror} {
		if percent < 0 || percent > 100 {
			return fmt.Errorf("%s must be from 0 to 100 (percent), not %v", field, percent)
		}
		if !config.IsFine(percent) {
			return fmt.Errorf("%s must have at most two decimals, not %v", field, percent)
		}
	}
	if s.Decimals < 0 || s.Decimals > 2 {
		return fmt.Errorf("decimals must be from 0 to 2, not %d", s.Decimals)
	}
	if s.Scale < 0 || s.Scale > mostWeight {
		return fmt.Errorf("scale must be from 1 to %d, not %d", mostWeight, s.Scale)
	}
	return nil
}

func (s Split) checkCookies() error {
	if s.Affinity == nil {
		return nil
	}
	cookies := append([]Cookie{s.Affinity.Cookie}, s.Affinity.Expired...)
	if s.Affinity.Primary != nil {
		cookies = append(cookies, *s.Affinity.Primary)
	}
	for _, cookie := range cookies {
		if cookie.Name == "" {
			return fmt.Errorf("affinity must name its cookies")
		}
	}
	return nil
}
