package guard

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// complete adds what every decision says.
func (l *look) complete(d Decision) Decision {
	d.Evidence, d.Threshold = l.evidence, l.threshold
	d.Shown = l.state.shown(l.settings)
	if l.evidence > 1 {
		d.Blame = l.state.blame(l.settings)
	}
	d.Message = l.words(d)
	if d.Reason == Accepted || d.Reason == Inconclusive || d.Reason == Collecting {
		_, limit := l.state.LimitVerdict(*l.settings)
		for _, says := range []string{limit, l.state.silent(l.settings)} {
			if says != "" {
				d.Message += "; " + says
			}
		}
	}
	return d
}

// words says a decision in one sentence: what is done, why, and what the data shows.
func (l *look) words(d Decision) string {
	switch d.Reason {
	case Harm:
		return "the canary is worse than it may be: " + l.blames(d) + "; " + d.Shown.Worse()
	case Suspicious:
		return fmt.Sprintf("the data is %s times likelier if the canary is harmful, and %s times prove it: %s; %s%s",
			short(d.Evidence), short(d.Threshold), l.blames(d), d.Shown.Worse(), l.follows(d))
	case Accepted:
		return "the canary is healthy enough to go on: " + d.Shown.String()
	case Inconclusive:
		return l.inconclusiveWords(d) + l.follows(d)
	case Collecting:
		return "the step collects data: " + d.Shown.String()
	case NotReady:
		return d.Message
	case SharedDamage:
		if d.Action == Return {
			return d.Message + "; the rollout goes back one step to see whether the canary is the cause"
		}
	}
	return d.Message + l.follows(d)
}

func (l *look) inconclusiveWords(d Decision) string {
	proven := "the step has proven neither harm nor health in " + spell(l.moment.InStep)
	if d.Action == Advance {
		return proven + " and goes on, inconclusive: " + d.Shown.String()
	}
	return proven + ": " + d.Shown.String()
}

// follows says what follows a hold.
func (l *look) follows(d Decision) string {
	then := ThenPause
	switch d.Reason {
	case Suspicious:
		then = l.onSuspicious()
	case Inconclusive:
		then = l.settings.OnInconclusive
	}
	said := map[Action]string{Pause: "the rollout pauses", RollBack: "the rollout is rolled back", Advance: "the canary is promoted"}[then.action()]
	switch {
	case d.Action == Hold && d.Left > 0:
		return "; after " + spell(d.Left) + " more, " + said
	case d.Action == Advance && !l.moment.Last, d.Action == Pause:
		// What shows a pause says so itself.
		return ""
	}
	return "; " + said
}

// blames says what most of the evidence is about.
func (l *look) blames(d Decision) string {
	if len(d.Blame) == 0 {
		return "no test says so by itself"
	}
	return d.Blame[0].words(l.settings, l.state)
}

// words says what a test has seen.
func (b Blame) words(settings *Settings, s *State) string {
	switch b.Metric {
	case ErrorRatio:
		return fmt.Sprintf("%s, and %s of the primary's", failed(s.Errors.Total), percent(s.Errors.Control.rate()))
	case ErrorRate:
		return fmt.Sprintf("%s; the limit is %s", failed(s.Errors.Total), percent(settings.SLO))
	case LatencyLimit:
		return fmt.Sprintf("%s of its requests took longer than %s; the limit for the %s percentile is %s",
			percent(s.Limit.OverAbove.rate()), latency(s.Limit.Above), ordinal(settings.Limit.Quantile), latency(settings.Limit.Seconds))
	case Latency:
		for i := range s.Bounds[:s.BoundCount] {
			if bound := &s.Bounds[i]; bound.Seconds == b.Bound {
				return fmt.Sprintf("%s of its requests took longer than %s, %s of the primary's", percent(bound.Total.rate()), latency(b.Bound), percent(bound.Control.rate()))
			}
		}
	}
	return b.pair(settings, s)
}

// pair says what a test of the user's counters has seen.
func (b Blame) pair(settings *Settings, s *State) string {
	for i := range s.Pairs[:s.PairCount] {
		pair, seen := settings.Pairs[i], &s.Pairs[i]
		switch {
		case pair.Name != b.Pair:
		case b.Metric == PairRate:
			return fmt.Sprintf("%s is %s; its limit is %s", b.Pair, percent(seen.Total.rate()), percent(pair.Rate))
		default:
			return fmt.Sprintf("%s is %s, the primary's %s", b.Pair, percent(seen.Total.rate()), percent(seen.Control.rate()))
		}
	}
	return string(b.Metric)
}

// silent says which of the user's counters have counted nothing; empty if all have.
func (s *State) silent(settings *Settings) string {
	var names []string
	for i := range s.Pairs[:s.PairCount] {
		if p := &s.Pairs[i]; !(p.Total.Total > 0) || !(p.Control.Total > 0) {
			names = append(names, settings.Pairs[i].Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "no events of both versions are counted yet for " + strings.Join(names, ", ")
}

func failed(p Pair) string {
	return fmt.Sprintf("%s of its %s requests failed (%s)", whole(p.Bad), whole(p.Total), percent(p.rate()))
}

// String says what is shown, such as "error rate at most 0.9% and at most 1.4 times the primary's, at 95% confidence, from 1,204
// canary requests".
func (s Shown) String() string {
	if s.Rate == 0 && s.Ratio == 0 {
		return "nothing is shown about " + cmp.Or(s.Pair, "the error rate") + " yet, " + s.from()
	}
	return s.errors("at most", s.Rate, s.Ratio) + s.from()
}

// Worse says the same about what the canary is worse than, such as "error rate above 7% and above 20 times the primary's, at 95%
// confidence, from 400 canary requests". Where only other metrics are worse, it says what that is from.
func (s Shown) Worse() string {
	if s.RateAbove == 0 && s.RatioAbove == 0 {
		return s.from()
	}
	return s.errors("above", s.RateAbove, s.RatioAbove) + s.from()
}

func (s Shown) from() string {
	what := "request"
	if s.Pair != "" {
		what = "event"
	}
	if s.Requests != 1 {
		what += "s"
	}
	return "from " + whole(s.Requests) + " canary " + what
}

// errors says one or two bounds of the error rate, of which 0 is none.
func (s Shown) errors(bound string, rate, ratio float64) string {
	var bounds []string
	if rate > 0 {
		bounds = append(bounds, bound+" "+percent(rate))
	}
	if ratio > 0 {
		bounds = append(bounds, bound+" "+short(ratio)+" times the primary's")
	}
	return fmt.Sprintf("%s %s, at %s confidence, ", cmp.Or(s.Pair, "error rate"), strings.Join(bounds, " and "), percent(s.Confidence))
}

// percent formats a share, with at most three digits.
func percent(share float64) string {
	return short(share*100) + "%"
}

// short formats a number with at most three digits.
func short(value float64) string {
	if math.Abs(value) >= 1000 {
		return whole(value)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 3, 64), 64)
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// whole formats a number of events, with a comma between thousands.
func whole(value float64) string {
	digits := strconv.FormatFloat(math.Round(finite(value, 0, 1e18, 0)), 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// spell formats a time without the zeros of Go's.
func spell(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = text[:len(text)-2]
	}
	if strings.HasSuffix(text, "h0m") {
		text = text[:len(text)-2]
	}
	return text
}

// latency formats seconds, such as 250ms or 1.2s.
func latency(seconds float64) string {
	return time.Duration(finite(seconds, 0, 1e9, 0) * float64(time.Second)).Round(time.Microsecond).String()
}

// ordinal formats a quantile as a percentile, such as 99th or 99.9th.
func ordinal(quantile float64) string {
	text := short(quantile * 100)
	if strings.Contains(text, ".") || strings.HasSuffix("0"+text, "11") || strings.HasSuffix("0"+text, "12") || strings.HasSuffix("0"+text, "13") {
		return text + "th"
	}
	switch text[len(text)-1] {
	case '1':
		return text + "st"
	case '2':
		return text + "nd"
	case '3':
		return text + "rd"
	}
	return text + "th"
}
