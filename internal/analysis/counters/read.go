package counters

import (
	"math"
	"slices"
	"strconv"

	"sluice.dev/sluice/internal/analysis"
)

// Read returns the series of an answer that count requests of either version. It leaves out what is of neither, what is no
// counter of requests, and native histograms of pods and gateways that have classic ones, too.
func Read(raw analysis.Raw, answer []analysis.RawSeries) []Series {
	series := make([]Series, 0, len(answer))
	classic := map[uint64]bool{}
	for _, a := range answer {
		if s, ok := identified(raw, a.Labels); ok && s.describe(raw, a.Labels) {
			s.Samples = a.Samples
			series = append(series, s)
			if s.Kind == Bucket {
				classic[s.Target] = true
			}
		}
	}
	for _, a := range answer {
		if len(a.Histograms) == 0 || a.Labels["__name__"] != raw.Durations {
			continue
		}
		if s, ok := identified(raw, a.Labels); ok && !classic[s.Target] {
			series = appendNative(series, s, a.Histograms, raw.PerMillisecond)
		}
	}
	return series
}

// describe adds what a series counts. It is false if that is neither requests nor durations in a classic histogram.
func (s *Series) describe(raw analysis.Raw, labels map[string]string) bool {
	switch labels["__name__"] {
	case analysis.Up:
		s.Kind, s.Family = Scrapes, 0
	case raw.Requests:
		s.Kind, s.Family, s.Class = Requests, 0, classOf(labels[raw.Code])
		if s.Class == failed && s.Arm == Canary {
			s.Failing = failing(labels[raw.Code], raw.RouteOf(labels))
		}
	case raw.Buckets:
		bound, err := strconv.ParseFloat(labels["le"], 64)
		s.Kind, s.Bound = Bucket, bound/raw.PerMillisecond
		return err == nil && !math.IsNaN(bound)
	default:
		return false
	}
	return true
}

// identified returns a series with what its labels say. It is false if it is of neither version.
func identified(raw analysis.Raw, labels map[string]string) (Series, bool) {
	arm := raw.ArmOf(labels)
	if arm == analysis.ArmNone {
		return Series{}, false
	}
	s := Series{Arm: Arm(arm)}
	if raw.Pods {
		s.Pod = labels["pod"]
	}
	for name, value := range labels {
		hash := hashed(name, value)
		s.ID += hash
		if name != "le" {
			s.Family += hash
		}
		if slices.Contains(analysis.TargetLabels, name) {
			s.Target += hash
		}
	}
	s.ID, s.Family, s.Target = s.ID&identity, s.Family&identity, s.Target&identity
	return s, true
}

// classOf returns the first digit of a status code, or 0 if it is none.
func classOf(code string) uint8 {
	if len(code) != 3 || code[0] < '1' || code[0] > '5' {
		return 0
	}
	return code[0] - '0'
}
