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
	if len(raw.Names) == 0 {
		return nil
	}
	series, taken := make([]Series, 0, len(answer)), takenOf(raw, answer)
	classic := map[uint64]bool{}
	for _, a := range answer {
		if s, ok := identified(raw, a.Labels); ok && s.describe(raw, taken[s.Arm], a.Labels) {
			s.Samples = a.Samples
			series = append(series, s)
			if s.Kind == Bucket {
				classic[s.Target] = true
			}
		}
	}
	for _, a := range answer {
		if len(a.Histograms) == 0 {
			continue
		}
		if s, ok := identified(raw, a.Labels); ok && !classic[s.Target] && a.Labels["__name__"] == taken[s.Arm].Durations {
			series = appendNative(series, s, a.Histograms, taken[s.Arm].PerMillisecond)
		}
	}
	return series
}

// takenOf returns the names that are read of each arm: the first whose requests are in the answer.
func takenOf(raw analysis.Raw, answer []analysis.RawSeries) (taken [Control + 1]analysis.Names) {
	for arm := range taken {
		taken[arm] = raw.Names[0]
	}
	if len(raw.Names) == 1 {
		return taken
	}
	first := [Control + 1]int{}
	for arm := range first {
		first[arm] = len(raw.Names)
	}
	for _, a := range answer {
		at := slices.IndexFunc(raw.Names, func(n analysis.Names) bool { return n.Requests == a.Labels["__name__"] })
		if at < 0 {
			continue
		}
		if arm := raw.ArmOf(a.Labels); at < first[arm] {
			first[arm], taken[arm] = at, raw.Names[at]
		}
	}
	return taken
}

// describe adds what a series counts. It is false if that is neither requests nor durations in a classic histogram.
func (s *Series) describe(raw analysis.Raw, names analysis.Names, labels map[string]string) bool {
	switch labels["__name__"] {
	case analysis.Up:
		s.Kind, s.Family = Scrapes, 0
	case names.Requests:
		class, code := statusOf(raw, names, labels)
		s.Kind, s.Family, s.Class = Requests, 0, class
		if class == failed && s.Arm == Canary {
			s.Failing = failing(code, raw.RouteOf(labels))
		}
	case names.Buckets:
		bound, err := strconv.ParseFloat(labels["le"], 64)
		s.Kind, s.Bound = Bucket, bound/names.PerMillisecond
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

// statusOf returns the class of the status of requests, and the status as it is shown. Failed requests are of one class, whatever their
// status. A failed call has HTTP status 200 and a status of
// gRPC, of which those of OK count as 2 and those that the client caused as 4.
func statusOf(raw analysis.Raw, names analysis.Names, labels map[string]string) (class uint8, code string) {
	code = labels[names.Code]
	if raw.Failed(code) {
		return failed, code
	}
	if class = classOf(code); class == failed {
		class = answered
	}
	for _, name := range names.GRPC {
		switch status := labels[name]; {
		case status == "":
		case analysis.IsFailedCall(status):
			return failed, "gRPC " + status
		case status == "0" || status == "OK":
			return 2, code
		default:
			return 4, code
		}
	}
	return class, code
}

// classOf returns the first digit of a status code, or 0 if it is none.
func classOf(code string) uint8 {
	if len(code) != 3 || code[0] < '1' || code[0] > '5' {
		return 0
	}
	return code[0] - '0'
}
