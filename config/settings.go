package config

import (
	"math"
	"strings"
	"time"
)

// settings are in the order of the documentation.
var settings = []Annotation{
	{Key: AnnotationCanary, Kind: KindSetting, Values: "`true`, `false`", Default: "false", Example: "true",
		Sentence: "Opts the Deployment in.",
		read:     func(_ *Policy, v string) error { return yesOrNo(v) }},
	{Key: AnnotationService, Kind: KindSetting, Values: "a name", Without: "found by its selector", Example: "podinfo",
		Sentence: "The Service of the pods, where several select them.",
		read:     func(p *Policy, v string) error { p.Service = v; return dnsLabel(v) }},
	{Key: AnnotationStepWeight, Kind: KindSetting, Values: "percent, 1 to 100", Default: "10", Example: "20",
		Sentence: "What each step adds to the canary's share of the requests.",
		read:     func(p *Policy, v string) error { return readWeight(&p.StepWeight, v) }},
	{Key: AnnotationMaxWeight, Kind: KindSetting, Values: "percent, 1 to 100", Default: "50", Example: "80",
		Sentence: "The share of the last step.",
		read:     func(p *Policy, v string) error { return readWeight(&p.MaxWeight, v) }},
	{Key: AnnotationInterval, Kind: KindSetting, Values: "a duration of at least 1s", Default: "30s", Example: "2m",
		Sentence: "How long a step lasts.",
		read:     func(p *Policy, v string) error { return readDuration(&p.Interval, v, time.Second) }},
	{Key: AnnotationThreshold, Kind: KindSetting, Values: "a whole number from 1", Default: "5", Example: "3",
		Sentence: "How many failed checks roll back, counted over the whole rollout.",
		read:     func(p *Policy, v string) error { return readInteger(&p.Threshold, v, math.MaxInt32, "failed checks") }},
	{Key: AnnotationProgressDeadline, Kind: KindSetting, Values: "a duration of at least 1s, or seconds", Default: "600s", Example: "15m",
		Sentence: "How long to wait for the same thing: a ready canary, a passing check, a ready primary.",
		read:     func(p *Policy, v string) error { return readDeadline(&p.ProgressDeadline, v) }},
	{Key: AnnotationMinSuccessRate, Kind: KindSetting, Values: "percent, 0 to 100", Default: "99", Example: "99.9",
		Sentence: "The least share of requests that are not answered with a 5xx.",
		read:     func(p *Policy, v string) error { return readPercent(&p.MinSuccessRate, v) }},
	{Key: AnnotationMaxRequestDuration, Kind: KindSetting, Values: "a duration of at least 1ms", Default: "500ms", Example: "250ms",
		Sentence: "The longest P99 of the request durations.",
		read:     func(p *Policy, v string) error { return readDuration(&p.MaxRequestDuration, v, time.Millisecond) }},
	{Key: AnnotationMinRequests, Kind: KindSetting, Values: "a whole number from 1", Default: "10", Example: "100",
		Sentence: "How many requests a check needs to say anything.",
		read:     readMinRequests},
	{Key: AnnotationMetrics, Kind: KindSetting, Values: "`" + strings.Join(Presets, "`, `") + "`", Without: "chosen by the gateway", Example: "app",
		Sentence: "The queries of the checks, one of the [presets](#metrics-presets).",
		read:     func(p *Policy, v string) error { p.Metrics = v; return oneOf(v, Presets) }},
	{Key: AnnotationIdentityLabels, Kind: KindSetting, Values: "label keys, separated by commas", Without: "the fewest that are needed", Example: "app,tier",
		Sentence: "The labels of which the canary's pods get another value.",
		read:     readLabels},
	{Key: AnnotationSkipAnalysis, Kind: KindSetting, Values: "`true`, `false`", Default: "false", Example: "true",
		Sentence: "Promotes every change as soon as its canary is ready, without judging it.",
		read:     func(p *Policy, v string) error { p.SkipAnalysis = v == "true"; return yesOrNo(v) }},
	{Key: AnnotationWhenUnavailable, Kind: KindSetting, Values: "`direct`, `canary`", Default: WhenUnavailableDirect, Example: WhenUnavailableCanary,
		Sentence: "What becomes of a change while the primary has no available replica: it goes straight through, or is held back all the same.",
		read: func(_ *Policy, v string) error {
			return oneOf(v, []string{WhenUnavailableDirect, WhenUnavailableCanary})
		}},
	{Key: AnnotationRestart, Kind: KindSetting, Values: "`canary`, `direct`", Default: RestartCanary, Example: RestartDirect,
		Sentence: "What becomes of `kubectl rollout restart`: it is held back like any change, or restarts the primary's pods at once.",
		read:     func(_ *Policy, v string) error { return oneOf(v, []string{RestartCanary, RestartDirect}) }},
	{Key: AnnotationBypass, Kind: KindSetting, Values: "a time at most an hour ahead, `;`, a reason", Without: "no bypass", Example: "2026-01-02T15:04:05Z; fixes the outage",
		Sentence: "Lets every change straight through until that time."},
}
