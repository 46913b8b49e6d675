package analysis

import (
	"fmt"
	"slices"
	"strings"
)

// Lacking says what the answer with the primary's last hour lacks of what the preset needs, each with the line to add. An app that had no
// request may have no counters yet.
func (r Raw) Lacking(answer []RawSeries) []string {
	named := map[string]RawSeries{}
	for _, s := range answer {
		if arm := r.ArmOf(s.Labels); arm == ArmPrimary {
			named[s.Labels["__name__"]] = s
		}
	}
	at := slices.IndexFunc(r.Names, func(n Names) bool { _, has := named[n.Requests]; return has })
	if at < 0 {
		requests := make([]string, 0, len(r.Names))
		for _, names := range r.Names {
			requests = append(requests, names.Requests)
		}
		return append([]string{fmt.Sprintf("there is no %s of the primary in its last hour, so unless it had no requests, the preset %s cannot judge",
			strings.Join(requests, ", "), r.preset.Name)}, r.add()...)
	}
	var lacks []string
	names := r.Names[at]
	labels := named[names.Requests].Labels
	if statuses := names.statuses(); !slices.ContainsFunc(statuses, func(label string) bool { return labels[label] != "" }) {
		lacks = append(lacks, fmt.Sprintf("%s of the primary has no label %s, so no request is seen to fail: add it where the requests are counted",
			names.Requests, strings.Join(statuses, " or ")))
	}
	if _, classic := named[names.Buckets]; !classic {
		if _, native := named[names.Durations]; !native {
			lacks = append(lacks, fmt.Sprintf("there is no %s of the primary, so latencies are not judged: add a histogram of that name", names.Buckets))
		}
	}
	return lacks
}

// add are the lines to add so that the series are there.
func (r Raw) add() []string {
	lines := make([]string, 0, len(r.preset.Needs))
	for _, need := range r.preset.Needs {
		lines = append(lines, fmt.Sprintf("for %s, add %s to %s", need.Missing, need.Add, need.To))
	}
	return lines
}
