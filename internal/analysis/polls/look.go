package polls

import (
	"time"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
)

// Look is one look at the counters of a rollout.
type Look struct {
	// Raw is how the answer is read.
	Raw analysis.Raw
	// Answer is what the metrics server answered.
	Answer []analysis.RawSeries
	// Now is the time of the controller's clock, and Began when the canary first received requests.
	Now, Began time.Time
	// Alone means that all series are the canary's, as in a dry run. Then they count for the primary, too.
	Alone bool
	// Controlled means that the canary is compared with a control.
	Controlled bool
}

// Poll returns what counters.Advance must know.
func (l Look) Poll() counters.Poll {
	p := counters.Poll{Now: l.Now, Began: l.Began, Series: counters.Read(l.Raw, l.Answer)}
	if l.Alone {
		p.Series = ofBoth(p.Series)
		return p
	}
	p.Created, p.Controlled = created(p.Series, l.Began), l.Controlled
	return p
}

// created are the pods of the canary and of the control whose series begin at zero, without a look at the pods: nobody sends requests to them before
// their rollout does. A pod with an older sample may be left from the candidate before, so it is counted from that sample. Pods of the
// primary are of any age; a new one is remembered first.
func created(series []counters.Series, began time.Time) map[string]time.Time {
	pods := map[string]time.Time{}
	for _, s := range series {
		if s.Arm != counters.Primary && s.Pod != "" {
			pods[s.Pod] = began
		}
	}
	for _, s := range series {
		if len(s.Samples) > 0 && s.Samples[0].At <= began.UnixMilli() {
			delete(pods, s.Pod)
		}
	}
	return pods
}

// another makes other hashes of those of a series. It has as many bits.
const another = 0x9e3779b97f

// ofBoth adds the series as those of the other version.
func ofBoth(series []counters.Series) []counters.Series {
	for _, s := range series {
		s.ID, s.Target, s.Family, s.Arm = s.ID^another, s.Target^another, s.Family^another, counters.Primary
		series = append(series, s)
	}
	return series
}
