package policy

import (
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

const (
	mostGateways = 32
	mostRoutes   = 64
	mostMembers  = 16
	mostMirrors  = 8
)

func (c *checker) service(path *field.Path, s v1alpha1.ServiceSpec) {
	c.foreignService(path, s)
	if s.Name != nil {
		c.must(len(validation.IsDNS1035Label(*s.Name)) == 0, path.Child("name"), *s.Name, "must be the name of a Service")
	}
	c.count(path.Child("port"), s.Port, 1, 65535)
	if s.TargetPort != nil {
		number := s.TargetPort.Type == intstr.Int && len(validation.IsValidPortNum(s.TargetPort.IntValue())) == 0
		name := s.TargetPort.Type == intstr.String && len(validation.IsValidPortName(s.TargetPort.StrVal)) == 0
		c.must(number || name, path.Child("targetPort"), s.TargetPort.String(), "must be a port from 1 to 65535, or the name of a container's port")
	}
	choice(c, path.Child("trafficDistribution"), s.TrafficDistribution, "PreferClose", "PreferSameZone", "PreferSameNode")
	c.members(path, s)
	c.generated(path, s)
	c.routed(path, s)
	c.servicePort(path, s)
	c.matches(path.Child("match"), s.Match)
	c.metadata(path.Child("apex"), s.Apex)
	c.metadata(path.Child("primary"), s.Primary)
	c.metadata(path.Child("canary"), s.Canary)
}

// members checks the names of existing routes and Services.
func (c *checker) members(path *field.Path, s v1alpha1.ServiceSpec) {
	c.most(path.Child("routes"), len(s.Routes), mostRoutes)
	for i, name := range s.Routes {
		_, err := config.ParseRoute(name)
		c.can(err, path.Child("routes").Index(i), name)
	}
	c.most(path.Child("cohort"), len(s.Cohort), mostMembers)
	for i, member := range s.Cohort {
		_, err := config.ParseMember(member)
		c.can(err, path.Child("cohort").Index(i), member)
	}
	if s.CohortHeader != nil {
		c.must(config.IsToken(*s.CohortHeader), path.Child("cohortHeader"), *s.CohortHeader, tokenHelp)
	}
}

// generated checks the values of the generated route.
func (c *checker) generated(path *field.Path, s v1alpha1.ServiceSpec) {
	c.most(path.Child("gatewayRefs"), len(s.GatewayRefs), mostGateways)
	for i, ref := range s.GatewayRefs {
		if ref.Name == "" {
			c.errs = append(c.errs, field.Required(path.Child("gatewayRefs").Index(i).Child("name"), "name a Gateway, a Service or a ListenerSet"))
		}
	}
	c.most(path.Child("hosts"), len(s.Hosts), mostMembers)
	for i, host := range s.Hosts {
		name := strings.TrimPrefix(string(host), "*.")
		c.must(len(validation.IsDNS1123Subdomain(name)) == 0, path.Child("hosts").Index(i), host, "must be a host name such as www.example.com or *.example.com")
	}
	if s.RouteName != nil {
		c.must(len(validation.IsDNS1123Subdomain(*s.RouteName)) == 0, path.Child("routeName"), *s.RouteName, "must be the name of an HTTPRoute")
	}
	c.routeDuration(path.Child("timeout"), s.Timeout)
	c.routeDuration(path.Child("backendTimeout"), s.BackendTimeout)
	if s.Retries != nil {
		c.routeDuration(path.Child("retries", "perTryTimeout"), s.Retries.PerTryTimeout)
		c.count(path.Child("retries", "attempts"), &s.Retries.Attempts, 0, 1000)
		_, err := config.ParseRetryOn(s.Retries.RetryOn)
		c.can(err, path.Child("retries", "retryOn"), s.Retries.RetryOn)
	}
	if s.Rewrite != nil {
		c.rewrite(path.Child("rewrite"), *s.Rewrite)
	}
	if s.Headers != nil {
		c.headerOperations(path.Child("headers", "request"), s.Headers.Request)
		c.headerOperations(path.Child("headers", "response"), s.Headers.Response)
	}
	c.cors(path.Child("corsPolicy"), s.CorsPolicy)
	c.most(path.Child("mirror"), len(s.Mirror), mostMirrors)
	for i, mirror := range s.Mirror {
		c.mirrored(path.Child("mirror").Index(i), mirror)
	}
	for name, backend := range map[string]*v1alpha1.Backend{"primaryBackend": s.PrimaryBackend, "canaryBackend": s.CanaryBackend} {
		if backend != nil {
			c.backend(path.Child(name), *backend)
		}
	}
}

func (c *checker) backend(path *field.Path, backend v1alpha1.Backend) {
	if backend.BackendRef.Name == "" {
		c.errs = append(c.errs, field.Required(path.Child("backendRef", "name"), "name the object that gets the requests"))
	}
	c.filters(path.Child("filters"), backend.Filters)
}

var routeDuration = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)

func (c *checker) routeDuration(path *field.Path, value *gatewayv1.Duration) {
	if value != nil {
		c.must(routeDuration.MatchString(string(*value)), path, *value, "must be a duration that HTTPRoutes allow, such as 15s or 1m30s")
	}
}

func (c *checker) metadata(path *field.Path, m *v1alpha1.Metadata) {
	if m == nil {
		return
	}
	for key, value := range m.Labels {
		at := path.Child("labels").Key(key)
		c.must(len(validation.IsQualifiedName(key)) == 0 && !strings.HasPrefix(key, config.Prefix), at, key, "must be the key of a label that is not Sluice's own")
		c.must(len(validation.IsValidLabelValue(value)) == 0, at, value, "must be the value of a label: at most 63 letters, digits, -, _ and .")
	}
	for key := range m.Annotations {
		c.must(len(validation.IsQualifiedName(strings.ToLower(key))) == 0 && !strings.HasPrefix(key, config.Prefix), path.Child("annotations").Key(key), key,
			"must be the key of an annotation that is not Sluice's own")
	}
}
