package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Presets are the names that AnnotationMetrics takes.
var Presets = []string{"app", "envoy-gateway", "istio", "traefik"}

// Policy is how to roll out one Deployment.
type Policy struct {
	// Service is the name of the primary's Service; empty to find it by its selector.
	Service string
	// StepWeight is added to the canary's weight in each step, in percent, 1 to 100.
	StepWeight int32
	// MaxWeight is the weight of the last step, in percent, 1 to 100.
	MaxWeight int32
	// Interval is how long each step lasts, at least a second.
	Interval time.Duration
	// Threshold is the number of failed checks that rolls back, at least 1.
	Threshold int32
	// ProgressDeadline is how long the rollout may wait for the same thing.
	ProgressDeadline time.Duration
	// Metrics is the name of the preset; empty to choose by the gateway.
	Metrics string
	// MinSuccessRate is the least percentage of requests that are not answered with a 5xx.
	MinSuccessRate float64
	// MaxRequestDuration is the longest P99 of the request durations.
	MaxRequestDuration time.Duration
	// MinRequests is how many requests a check needs to be conclusive.
	MinRequests float64
	// IdentityLabels are the label keys to rewrite on the canary's pods; empty to choose the fewest that are needed.
	IdentityLabels []string
	// SkipAnalysis promotes a candidate as soon as its canary is ready.
	SkipAnalysis bool
}

// Defaults returns the Policy of a Deployment that sets nothing but the opt-in.
func Defaults() Policy {
	return Policy{
		StepWeight:         10,
		MaxWeight:          50,
		Interval:           30 * time.Second,
		Threshold:          5,
		ProgressDeadline:   600 * time.Second,
		MinSuccessRate:     99,
		MaxRequestDuration: 500 * time.Millisecond,
		MinRequests:        10,
	}
}

// OptedIn reports whether a Deployment with these annotations is opted in.
func OptedIn(annotations map[string]string) bool {
	return annotations[AnnotationCanary] == "true"
}

// setting reads one annotation's value into a Policy; the error says what is allowed.
type setting struct {
	key  string
	read func(policy *Policy, value string) error
}

var settings = []setting{
	{AnnotationCanary, func(_ *Policy, v string) error { return yesOrNo(v) }},
	{AnnotationService, func(p *Policy, v string) error { p.Service = v; return dnsLabel(v) }},
	{AnnotationStepWeight, func(p *Policy, v string) error { return readInteger(&p.StepWeight, v, 100, "percent") }},
	{AnnotationMaxWeight, func(p *Policy, v string) error { return readInteger(&p.MaxWeight, v, 100, "percent") }},
	{AnnotationInterval, func(p *Policy, v string) error { return readDuration(&p.Interval, v, time.Second) }},
	{AnnotationThreshold, func(p *Policy, v string) error {
		return readInteger(&p.Threshold, v, math.MaxInt32, "failed checks")
	}},
	{AnnotationProgressDeadline, func(p *Policy, v string) error { return readDeadline(&p.ProgressDeadline, v) }},
	{AnnotationMetrics, func(p *Policy, v string) error { p.Metrics = v; return oneOf(v, Presets) }},
	{AnnotationMinSuccessRate, func(p *Policy, v string) error { return readPercent(&p.MinSuccessRate, v) }},
	{AnnotationMaxRequestDuration, func(p *Policy, v string) error {
		return readDuration(&p.MaxRequestDuration, v, time.Millisecond)
	}},
	{AnnotationMinRequests, readMinRequests},
	{AnnotationIdentityLabels, readLabels},
	{AnnotationWhenUnavailable, func(_ *Policy, v string) error {
		return oneOf(v, []string{WhenUnavailableDirect, WhenUnavailableCanary})
	}},
	{AnnotationRestart, func(_ *Policy, v string) error { return oneOf(v, []string{RestartCanary, RestartDirect}) }},
	{AnnotationSkipAnalysis, func(p *Policy, v string) error { p.SkipAnalysis = v == "true"; return yesOrNo(v) }},
}

// PolicyFor reads the annotations of a Deployment. Keys that are absent keep their default. The errors carry the full
// path of the annotation, the value and what is allowed; the Policy is not to be used when there are any.
func PolicyFor(annotations map[string]string) (Policy, field.ErrorList) {
	policy := Defaults()
	path := field.NewPath("metadata", "annotations")
	var errs field.ErrorList
	for _, s := range settings {
		value, set := annotations[s.key]
		if !set {
			continue
		}
		if err := s.read(&policy, value); err != nil {
			errs = append(errs, field.Invalid(path.Key(s.key), value, err.Error()))
		}
	}
	return policy, append(errs, unknownKeys(path, annotations)...)
}

func yesOrNo(value string) error {
	if value != "true" && value != "false" {
		return fmt.Errorf(`must be "true" or "false"`)
	}
	return nil
}

func readInteger(to *int32, value string, most int64, unit string) error {
	number, err := strconv.ParseInt(value, 10, 32)
	if err != nil || number < 1 || number > most {
		return fmt.Errorf("must be a whole number from 1 to %d (%s)", most, unit)
	}
	*to = int32(number)
	return nil
}

func readDuration(to *time.Duration, value string, least time.Duration) error {
	duration, err := time.ParseDuration(value)
	if err != nil || duration < least {
		return fmt.Errorf("must be a duration of at least %s, such as 500ms, 30s or 1m30s", least)
	}
	*to = duration
	return nil
}

func readDeadline(to *time.Duration, value string) error {
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		value = strconv.FormatInt(seconds, 10) + "s"
	}
	return readDuration(to, value, time.Second)
}

func readPercent(to *float64, value string) error {
	number, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
	if err != nil || !(number >= 0 && number <= 100) {
		return fmt.Errorf("must be a percentage from 0 to 100, such as 99 or 99.5")
	}
	*to = number
	return nil
}

func readMinRequests(policy *Policy, value string) error {
	var number int32
	if err := readInteger(&number, value, math.MaxInt32, "requests"); err != nil {
		return err
	}
	policy.MinRequests = float64(number)
	return nil
}

func readLabels(policy *Policy, value string) error {
	for key := range strings.SplitSeq(value, ",") {
		key = strings.TrimSpace(key)
		if problems := validation.IsQualifiedName(key); len(problems) > 0 {
			return fmt.Errorf("must be label keys separated by commas: %q: %s", key, problems[0])
		}
		policy.IdentityLabels = append(policy.IdentityLabels, key)
	}
	return nil
}

func dnsLabel(value string) error {
	if problems := validation.IsDNS1035Label(value); len(problems) > 0 {
		return fmt.Errorf("must be the name of a Service in the same namespace: %s", problems[0])
	}
	return nil
}

func oneOf(value string, allowed []string) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("must be one of %s", strings.Join(allowed, ", "))
	}
	return nil
}
