package config

import (
	"fmt"
	"math"
	"time"
)

var settingsOfSteps = []Annotation{
	{Key: AnnotationStepWeight, Kind: KindSetting, Values: "percent, 0 to 100 with at most two decimals", Without: "`ladder: auto`; 10, with `max-weight` or without the guard", Example: "20",
		Sentence: "What each step adds to the canary's weight; 0 for none.",
		read:     func(s *Settings, v string) error { return readWeight(&s.analysis().StepWeight, v, 0) }},
	{Key: AnnotationMaxWeight, Kind: KindSetting, Values: "percent, 0.01 to 100", Without: "50", Example: "80",
		Sentence: "The weight of the last step.",
		read:     func(s *Settings, v string) error { return readWeight(&s.analysis().MaxWeight, v, Finest) }},
	{Key: AnnotationStepWeights, Kind: KindSetting, Values: "percentages separated by commas, each optionally followed by `@` and a duration", Without: "`ladder: auto`; steps of the same size without the guard",
		Example: "1@10m,5@5m,25,50", Sentence: "The exact weights, instead of `step-weight` and `max-weight`.",
		read: readWeights},
	{Key: AnnotationStepWeightPromotion, Kind: KindSetting, Values: "percent, 0 to 100", Default: "0", Example: "25",
		Sentence: "The percentage that returns to the primary in each interval after promotion; 0 for all at once.",
		read:     func(s *Settings, v string) error { return readWeight(&s.analysis().StepWeightPromotion, v, 0) }},
	{Key: AnnotationInterval, Kind: KindSetting, Values: "a duration of at least 1s", Default: "30s", Example: "2m",
		Sentence: "How long a step or an iteration lasts, and the time between two rounds of checks. The guard ends the steps of its ladder itself.",
		read:     func(s *Settings, v string) error { return readDuration(&s.analysis().Interval, v, time.Second) }},
	{Key: AnnotationIterations, Kind: KindSetting, Values: "a whole number from 0 to 500", Default: "0", Example: "10",
		Sentence: "How many intervals to run before any weight: with `match` an A/B test, else blue/green; 0 for none.",
		read: func(s *Settings, v string) error {
			return readInteger(&s.analysis().Iterations, v, 0, MostSteps, "intervals")
		}},
	{Key: AnnotationMatch, Kind: KindSetting, Values: "`header=value`, `cookie:name=value` or `query:name=value`, separated by commas", Without: "none",
		Example: "x-canary=true,cookie:type=insider", Sentence: "The requests that go to the canary regardless of its weight: those that match any of these.",
		read: func(s *Settings, v string) error { return readMatch(&s.analysis().Match, v) }},
	{Key: AnnotationMirror, Kind: KindSetting, Values: "`true`, `false`", Default: "false", Example: "true",
		Sentence: "Mirrors requests to the canary during the iterations; its responses are discarded.",
		read:     func(s *Settings, v string) error { return readYes(&s.analysis().Mirror, v) }},
	{Key: AnnotationMirrorWeight, Kind: KindSetting, Values: "percent, 0.01 to 100", Without: "100, with `mirror`", Example: "10",
		Sentence: "The percentage of requests that is mirrored.",
		read:     func(s *Settings, v string) error { return readWeight(&s.analysis().MirrorWeight, v, Finest) }},
	{Key: AnnotationHold, Kind: KindSetting, Values: "a duration", Without: "the interval", Example: "10m",
		Sentence: "How long blue/green sends all requests to the canary before promotion.",
		read:     func(s *Settings, v string) error { return readDuration(&s.analysis().Hold, v, 0) }},
	{Key: AnnotationDelay, Kind: KindSetting, Values: "a duration", Default: "0s", Example: "1m",
		Sentence: "How long a canary that is ready warms up before the first check.",
		read:     func(s *Settings, v string) error { return readDuration(&s.analysis().Delay, v, 0) }},
}

var settingsOfChecks = []Annotation{
	{Key: AnnotationThreshold, Kind: KindSetting, Values: "a whole number from 1", Default: "5", Example: "3",
		Sentence: "The number of failed checks, over the whole rollout, that rolls back. Checks are made once each interval. The guard does not count to it.",
		read: func(s *Settings, v string) error {
			return readInteger(&s.analysis().Threshold, v, 1, MostFailures, "failed checks")
		}},
	{Key: AnnotationMinSuccessRate, Kind: KindSetting, Values: "percent, 0 to 100", Without: "none with the guard, else 99", Example: "99.9",
		Sentence: "The lowest acceptable percentage of requests that do not fail: short for the `thresholdRange` of `request-success-rate`.",
		read:     readSuccessRate},
	{Key: AnnotationMaxRequestDuration, Kind: KindSetting, Values: "a duration of at least 1ms", Without: "none with the guard, else 500ms", Example: "250ms",
		Sentence: "The highest acceptable P99 of the request durations: short for the `thresholdRange` of `request-duration`.",
		read:     readRequestDuration},
	{Key: AnnotationMinRequests, Kind: KindSetting, Values: "a whole number from 1", Default: "10", Example: "100",
		Sentence: "The number of requests a check needs to be conclusive.",
		read: func(s *Settings, v string) error {
			return readInteger(&s.analysis().MinRequests, v, 1, MostRequests, "requests")
		}},
	{Key: AnnotationMetrics, Kind: KindSetting, Values: "`" + join(Presets, "`, `") + "`", Without: "chosen by the gateway", Example: "app",
		Sentence: "The queries of the checks, one of the [presets](#metrics-presets).",
		read:     func(s *Settings, v string) error { s.analysis().Preset = &v; return oneOf(v, Presets...) }},
	{Key: AnnotationSkipAnalysis, Kind: KindSetting, Values: "`true`, `false`", Default: "false", Example: "true",
		Sentence: "Promotes every change as soon as its canary is ready, without checks.",
		read:     func(s *Settings, v string) error { return readYes(&s.Spec.SkipAnalysis, v) }},
}

var settingsOfGuard = []Annotation{
	{Key: AnnotationGuard, Kind: KindSetting, Values: "`true`, `false`", Default: "true", Example: "false",
		Sentence: "Lets the guard judge: it compares errors and latencies with the primary's by sequential tests. With `false`, only the checks judge.",
		read:     func(s *Settings, v string) error { return readYes(&s.guard().Enabled, v) }},
	{Key: AnnotationLadder, Kind: KindSetting, Values: "`auto`", Without: "`auto`, unless steps are set or `guard` is `false`", Example: "auto",
		Sentence: "Lets the guard choose the weights, by how many requests there are.",
		read:     func(s *Settings, v string) error { s.analysis().Ladder = &v; return oneOf(v, LadderAuto) }},
	{Key: AnnotationSLOErrorRate, Kind: KindSetting, Values: "percent, 0.01 to 50", Without: "1", Example: "0.5",
		Sentence: "The percentage of failed requests that a healthy version keeps below.",
		read:     func(s *Settings, v string) error { return readSLO(&s.guard().SLOErrorRate, v) }},
	{Key: AnnotationOnInconclusive, Kind: KindSetting, Values: "`promote`, `pause`, `rollback`", Without: "`pause`", Example: "promote",
		Sentence: "What follows a last step that has proven neither harm nor health.",
		read: func(s *Settings, v string) error {
			s.guard().OnInconclusive = &v
			return oneOf(v, AfterInconclusive...)
		}},
	{Key: AnnotationOnSuspicious, Kind: KindSetting, Values: "`pause`, `rollback`", Without: "`rollback`", Example: "pause",
		Sentence: "What follows once the data has favored harm for 15 minutes in a row without proving it. Weak evidence always pauses.",
		read: func(s *Settings, v string) error {
			s.guard().OnSuspicious = &v
			return oneOf(v, AfterSuspicion...)
		}},
}

// readSLO reads a percentage of failed requests.
func readSLO(to **float64, value string) error {
	var percent float64
	if err := readPercent(&percent, value); err != nil || percent < LeastSLO || percent > MostSLO {
		return fmt.Errorf("must be a percentage from %v to %v, such as 1 or 0.5", LeastSLO, MostSLO)
	}
	*to = &percent
	return nil
}

// readSuccessRate reads a percentage that may have a percent sign.
func readSuccessRate(to *Settings, value string) error {
	var least float64
	if err := readPercent(&least, value); err != nil {
		return err
	}
	to.Checks = append(to.Checks, SuccessRate(least))
	return nil
}

func readRequestDuration(to *Settings, value string) error {
	duration, err := durationOf(value, time.Millisecond)
	if err != nil {
		return err
	}
	to.Checks = append(to.Checks, RequestDuration(math.Round(duration.Seconds()*1e9)/1e6))
	return nil
}
