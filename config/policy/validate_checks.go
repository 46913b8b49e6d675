package policy

import (
	"fmt"
	"net/url"
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

var (
	cookieDomain = regexp.MustCompile(`^[A-Za-z0-9.-]*$`)
	cookiePath   = regexp.MustCompile(`^/[^;,\s"\\]*$`)
)

func (c *checker) affinity(path *field.Path, s v1alpha1.SessionAffinity) {
	c.must(config.IsToken(s.CookieName), path.Child("cookieName"), s.CookieName, tokenHelp)
	if s.PrimaryCookieName != nil {
		at := path.Child("primaryCookieName")
		c.must(config.IsToken(*s.PrimaryCookieName), at, *s.PrimaryCookieName, tokenHelp)
		c.must(*s.PrimaryCookieName != s.CookieName, at, *s.PrimaryCookieName, "primaryCookieName must differ from cookieName")
	}
	c.count(path.Child("maxAge"), s.MaxAge, 1, mostCookieAge)
	c.duration(path.Child("expireFor"), s.ExpireFor, 0)
	if s.Domain != nil {
		c.must(cookieDomain.MatchString(*s.Domain), path.Child("domain"), *s.Domain, "must be a host name such as example.com")
	}
	if s.Path != nil {
		c.must(cookiePath.MatchString(*s.Path), path.Child("path"), *s.Path, "must begin with / and have no spaces, quotes, commas or semicolons")
	}
	choice(c, path.Child("sameSite"), s.SameSite, "Strict", "Lax", "None")
}

func (c *checker) metrics(path *field.Path, metrics []v1alpha1.Metric) {
	c.most(path, len(metrics), mostHooks)
	var names []string
	for i, metric := range metrics {
		names = append(names, metric.Name)
		c.metric(path.Index(i), metric)
	}
	c.unique(path, names)
}

func (c *checker) metric(path *field.Path, m v1alpha1.Metric) {
	if config.IsPair(m) {
		c.pair(path, m)
		return
	}
	c.duration(path.Child("interval"), m.Interval, config.ShortestStep)
	if m.TemplateRef != nil && m.TemplateRef.Name == "" {
		c.errs = append(c.errs, field.Required(path.Child("templateRef", "name"), "name a MetricTemplate"))
	}
	c.must(m.Query == "" || m.TemplateRef == nil, path.Child("query"), m.Query, "must have only one of query and templateRef")
	if !asks(m) && !config.IsBuiltIn(m) {
		c.errs = append(c.errs, field.Required(path, "must have query or templateRef: only request-success-rate and request-duration are built in"))
	}
	c.limits(path.Child("thresholdRange"), m)
	c.judgement(path, m)
}

func (c *checker) limits(path *field.Path, m v1alpha1.Metric) {
	least, most := config.LimitsOf(m)
	if least != nil && most != nil {
		c.must(*least <= *most, path, *m.ThresholdRange, "min must not be greater than max")
	}
	if !config.IsBuiltIn(m) {
		if asks(m) && least == nil && most == nil && (m.ThresholdRange != nil || m.RatioRange == nil && m.Condition == "") {
			c.errs = append(c.errs, field.Required(path, limitsHelp(m)))
		}
		return
	}
	c.builtInLimits(path, m, least, most)
}

// asks reports whether a metric has a query of its own.
func asks(m v1alpha1.Metric) bool { return m.Query != "" || m.TemplateRef != nil }

func (c *checker) builtInLimits(path *field.Path, m v1alpha1.Metric, least, most *float64) {
	for _, end := range []*float64{least, most} {
		c.must(end == nil || *end >= 0 && (m.Name == v1alpha1.MetricDuration || *end <= 100), path, m.ThresholdRange,
			"must be percent from 0 to 100 for request-success-rate, milliseconds from 0 for request-duration")
	}
}

// limitsHelp says what a metric without limits must have, in the words of the schema's rule that it breaks.
func limitsHelp(m v1alpha1.Metric) string {
	if m.ThresholdRange == nil {
		return "must have thresholdRange, ratioRange or condition: a query has no default range"
	}
	return "must have min, max or both"
}

func (c *checker) hooks(path *field.Path, hooks []v1alpha1.Webhook) {
	c.most(path, len(hooks), mostHooks)
	var names []string
	for i, hook := range hooks {
		at := path.Index(i)
		names = append(names, hook.Name)
		choice(c, at.Child("type"), &hook.Type, append([]v1alpha1.HookType{""}, config.HookTypes...)...)
		address, err := url.Parse(hook.URL)
		c.must(err == nil && address.Host != "" && (address.Scheme == "http" || address.Scheme == "https"), at.Child("url"), shownURL(hook.URL), "must be a URL such as http://loadtester.test/")
		c.duration(at.Child("timeout"), hook.Timeout, time.Millisecond)
		if hook.Timeout != nil && hook.Timeout.Duration > config.LongestHook {
			c.wrong(at.Child("timeout"), hook.Timeout.Duration.String(),
				fmt.Sprintf("must be a duration of at most %s: let the hook start what takes longer, and ask for the result in another hook", config.LongestHook))
		}
		c.count(at.Child("retries"), hook.Retries, 0, 20)
		c.sent(at.Child("metadata"), hook.Metadata)
	}
	c.unique(path, names)
}

// sent limits what is sent with each call.
func (c *checker) sent(path *field.Path, metadata map[string]string) {
	size := 0
	for key, value := range metadata {
		size += len(key) + len(value)
	}
	if size > config.MostMetadata {
		c.wrong(path, fmt.Sprintf("%d bytes", size), fmt.Sprintf("must have at most %d bytes in total: let the hook look up what is larger", config.MostMetadata))
	}
}

func (c *checker) alerts(path *field.Path, alerts []v1alpha1.Alert) {
	c.most(path, len(alerts), mostHooks)
	var names []string
	for i, alert := range alerts {
		names = append(names, alert.Name)
		choice(c, path.Index(i).Child("severity"), &alert.Severity, "", "info", "warn", "error")
		if alert.ProviderRef.Name == "" {
			c.errs = append(c.errs, field.Required(path.Index(i).Child("providerRef", "name"), "name an AlertProvider"))
		}
	}
	c.unique(path, names)
}
