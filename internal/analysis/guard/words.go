package guard

import (
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
		d.Blame = l.state.blame(l.settings, l.evidence)
	}
	d.Message = d.words(l.moment)
	return d
}

// words says the decision in one sentence.
func (d *Decision) words(*Moment) string {
	return d.Message
}

// String says what is shown, such as "error rate at most 0.9% and at most 1.4 times the primary's, at 95% confidence, from 1,204
// canary requests".
func (s Shown) String() string {
	from := "from " + whole(s.Requests) + " canary requests"
	if s.Requests == 1 {
		from = "from 1 canary request"
	}
	var bounds []string
	if s.Rate > 0 {
		bounds = append(bounds, "at most "+percent(s.Rate))
	}
	if s.Ratio > 0 {
		bounds = append(bounds, "at most "+short(s.Ratio)+" times the primary's")
	}
	if len(bounds) == 0 {
		return "nothing is shown about the error rate yet, " + from
	}
	return fmt.Sprintf("error rate %s, at %s confidence, %s", strings.Join(bounds, " and "), percent(s.Confidence), from)
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
