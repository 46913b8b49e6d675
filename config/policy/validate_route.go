package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// mostHeaders is how many headers of a kind a filter changes, and mostOfCORS how many values of a kind a route allows.
const (
	mostHeaders = 16
	mostOfCORS  = 64
)

var origin = regexp.MustCompile(`^(\*|https?://(((\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(:[0-9]{1,5})?))$`)

const (
	originHelp = "must be *, or an origin such as https://shop.example.com or https://*.example.com"
	aloneHelp  = "must stand alone: * includes all others"
	prefixHelp = "the Gateway API replaces a prefix only in a rule with exactly one match, by prefix; leave one in match, or use ReplaceFullPath"
)

// routed checks what the values of the created route must be together.
func (c *checker) routed(path *field.Path, s v1alpha1.ServiceSpec) {
	backend := s.BackendTimeout
	name := path.Child("backendTimeout")
	if backend == nil && s.Retries != nil {
		backend, name = s.Retries.PerTryTimeout, path.Child("retries", "perTryTimeout")
	}
	if s.Timeout != nil && backend != nil {
		whole, _ := time.ParseDuration(string(*s.Timeout))
		each, _ := time.ParseDuration(string(*backend))
		c.must(whole == 0 || each <= whole, name, *backend, fmt.Sprintf("must not be longer than timeout, which is %s", *s.Timeout))
	}
	c.parents(path.Child("gatewayRefs"), s.GatewayRefs)
	if s.Rewrite != nil && s.Rewrite.Type == string(gatewayv1.PrefixMatchHTTPPathModifier) {
		c.must(hasOnePrefix(s.Match), path.Child("rewrite", "type"), s.Rewrite.Type, prefixHelp)
	}
	if s.PrimaryBackend != nil && !hasOnePrefix(s.Match) {
		for i, filter := range s.PrimaryBackend.Filters {
			c.must(!replacesPrefix(filter), path.Child("primaryBackend", "filters").Index(i), filter.Type, prefixHelp)
		}
	}
}

// hasOnePrefix reports whether the rule of a route with these matches has exactly one, by prefix. Without any, that is /.
func hasOnePrefix(matches []v1alpha1.HTTPMatch) bool {
	return len(matches) == 0 || len(matches) == 1 && (matches[0].URI == nil || matches[0].URI.Prefix != "")
}

func replacesPrefix(filter gatewayv1.HTTPRouteFilter) bool {
	prefix := func(path *gatewayv1.HTTPPathModifier) bool { return path != nil && path.ReplacePrefixMatch != nil }
	return filter.URLRewrite != nil && prefix(filter.URLRewrite.Path) || filter.RequestRedirect != nil && prefix(filter.RequestRedirect.Path)
}

// parents rejects references to the same parent that nothing distinguishes.
func (c *checker) parents(path *field.Path, refs []gatewayv1.ParentReference) {
	type parent struct{ group, kind, namespace, name string }
	parentOf := func(ref gatewayv1.ParentReference) parent {
		return parent{string(ptr.Deref(ref.Group, gatewayv1.GroupName)), string(ptr.Deref(ref.Kind, "Gateway")), string(ptr.Deref(ref.Namespace, "")), string(ref.Name)}
	}
	for i, ref := range refs {
		for _, other := range refs[:i] {
			same := parentOf(ref) == parentOf(other)
			partOf := func(ref gatewayv1.ParentReference) string {
				return fmt.Sprint(ptr.Deref(ref.SectionName, ""), " ", ptr.Deref(ref.Port, 0))
			}
			distinct := partOf(ref) != partOf(other) && partOf(ref) != " 0" && partOf(other) != " 0"
			c.must(!same || distinct, path.Index(i), ref.Name, "names a parent that another entry names too: give each its own sectionName or port, or remove one")
		}
	}
}

func (c *checker) rewrite(path *field.Path, r v1alpha1.Rewrite) {
	choice(c, path.Child("type"), &r.Type, "", "ReplaceFullPath", "ReplacePrefixMatch")
	c.must(r.URI != "" || r.Authority != "", path, r.Type, "rewrites nothing: set uri, authority or both")
	c.must(r.URI != "" || r.Type == "", path.Child("type"), r.Type, "is about uri, which is not set: set it, or remove type")
	c.long(path.Child("uri"), len(r.URI), longestPath)
	c.must(r.Authority == "" || len(validation.IsDNS1123Subdomain(r.Authority)) == 0, path.Child("authority"), r.Authority, "must be a host name such as shop.example.com, without a port")
}

func (c *checker) headerOperations(path *field.Path, o *v1alpha1.HeaderOperations) {
	if o == nil {
		return
	}
	for _, kind := range []struct {
		name   string
		values map[string]string
	}{{"set", o.Set}, {"add", o.Add}} {
		at := path.Child(kind.name)
		c.most(at, len(kind.values), mostHeaders)
		for _, name := range slices.Sorted(maps.Keys(kind.values)) {
			c.headerName(at.Key(name), name)
			c.headerValue(at.Key(name), kind.values[name])
		}
	}
	c.most(path.Child("remove"), len(o.Remove), mostHeaders)
	for i, name := range o.Remove {
		at := path.Child("remove").Index(i)
		c.headerName(at, name)
		if slices.Contains(o.Remove[:i], name) {
			c.errs = append(c.errs, field.Duplicate(at, name))
		}
	}
}

func (c *checker) headerName(path *field.Path, name string) {
	c.must(config.IsToken(name) && len(name) <= longestName, path, name, tokenHelp)
}

func (c *checker) headerValue(path *field.Path, value string) {
	c.must(headerValue.MatchString(value), path, value, headerHelp)
	c.long(path, len(value), longestHeader)
}

func (c *checker) cors(path *field.Path, cors *v1alpha1.CorsPolicy) {
	if cors == nil {
		return
	}
	origins := entriesOf(path.Child("allowOrigin"), cors.AllowOrigin)
	for i, match := range cors.AllowOrigins {
		at := path.Child("allowOrigins").Index(i)
		c.oneWay(at, match)
		exact, err := config.ParseOrigin(match)
		if c.can(err, at, match); err == nil {
			origins = append(origins, entry{at, exact})
		}
	}
	isName := func(value string) bool { return config.IsToken(value) && len(value) <= longestName }
	c.allowed(path, origins, func(value string) bool { return origin.MatchString(value) && len(value) <= 253 }, originHelp)
	c.allowed(path.Child("allowMethods"), entriesOf(path.Child("allowMethods"), cors.AllowMethods), func(value string) bool { return value == "*" || slices.Contains(methods, value) }, methodHelp+", or *")
	c.allowed(path.Child("allowHeaders"), entriesOf(path.Child("allowHeaders"), cors.AllowHeaders), isName, tokenHelp)
	c.allowed(path.Child("exposeHeaders"), entriesOf(path.Child("exposeHeaders"), cors.ExposeHeaders), isName, tokenHelp)
	if cors.MaxAge != "" {
		_, err := config.ParseMaxAge(cors.MaxAge)
		c.can(err, path.Child("maxAge"), cors.MaxAge)
	}
}

// entry is a value of a list, and where it is.
type entry struct {
	at    *field.Path
	value string
}

func entriesOf(path *field.Path, values []string) []entry {
	entries := make([]entry, 0, len(values))
	for i, value := range values {
		entries = append(entries, entry{path.Index(i), value})
	}
	return entries
}

// allowed checks a list of values of which * stands for all.
func (c *checker) allowed(path *field.Path, entries []entry, valid func(string) bool, help string) {
	c.most(path, len(entries), mostOfCORS)
	seen := map[string]bool{}
	for _, e := range entries {
		c.must(valid(e.value), e.at, e.value, help)
		c.must(e.value != "*" || len(entries) == 1, e.at, e.value, aloneHelp)
		if seen[e.value] {
			c.errs = append(c.errs, field.Duplicate(e.at, e.value))
		}
		seen[e.value] = true
	}
}

// filters checks the filters of a backend, beyond what the schema says.
func (c *checker) filters(path *field.Path, filters []gatewayv1.HTTPRouteFilter) {
	seen := map[gatewayv1.HTTPRouteFilterType]bool{}
	for i, filter := range filters {
		at := path.Index(i)
		if filter.ExternalAuth != nil {
			c.errs = append(c.errs, field.Forbidden(at.Child("externalAuth"),
				"externalAuth: only in the experimental channel of the Gateway API; remove it and attach your gateway's policy to the Services"))
		}
		repeats := filter.Type == gatewayv1.HTTPRouteFilterRequestMirror || filter.Type == gatewayv1.HTTPRouteFilterExtensionRef
		c.must(repeats || !seen[filter.Type], at.Child("type"), filter.Type, "is there already: write both as one filter")
		seen[filter.Type] = true
		c.headerFilter(at.Child("requestHeaderModifier"), filter.RequestHeaderModifier)
		c.headerFilter(at.Child("responseHeaderModifier"), filter.ResponseHeaderModifier)
		if filter.RequestMirror != nil {
			c.mirrored(at.Child("requestMirror"), *filter.RequestMirror)
		}
	}
	c.must(!seen[gatewayv1.HTTPRouteFilterRequestRedirect] || !seen[gatewayv1.HTTPRouteFilterURLRewrite], path, "RequestRedirect, URLRewrite", "must have only one of both")
}

func (c *checker) headerFilter(path *field.Path, f *gatewayv1.HTTPHeaderFilter) {
	if f == nil {
		return
	}
	for name, headers := range map[string][]gatewayv1.HTTPHeader{"set": f.Set, "add": f.Add} {
		for i, header := range headers {
			c.headerValue(path.Child(name).Index(i).Child("value"), header.Value)
		}
	}
}

// mirrored checks how many of the requests are mirrored.
func (c *checker) mirrored(path *field.Path, m gatewayv1.HTTPRequestMirrorFilter) {
	c.must(m.Percent == nil || m.Fraction == nil, path, "percent, fraction", "must have only one of both")
	if m.Fraction != nil {
		c.must(m.Fraction.Numerator <= ptr.Deref(m.Fraction.Denominator, 100), path.Child("fraction", "numerator"), m.Fraction.Numerator, "must not be greater than denominator")
	}
}

// servicePort checks the names that a created Service has.
func (c *checker) servicePort(path *field.Path, s v1alpha1.ServiceSpec) {
	if s.PortName != nil {
		c.must(len(validation.IsDNS1123Label(*s.PortName)) == 0, path.Child("portName"), *s.PortName, "must be the name of a port: lower-case letters, digits and hyphens, such as http")
	}
	if s.AppProtocol != nil {
		c.must(len(validation.IsQualifiedName(strings.TrimSpace(*s.AppProtocol))) == 0 && strings.TrimSpace(*s.AppProtocol) == *s.AppProtocol, path.Child("appProtocol"), *s.AppProtocol,
			"must be an application protocol such as http or kubernetes.io/h2c")
	}
}
