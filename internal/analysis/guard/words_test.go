package guard

import (
	"testing"
	"time"
)

func TestWhatIsShownInWords(t *testing.T) {
	for want, s := range map[string]Shown{
		"error rate at most 0.9% and at most 1.4 times the primary's, at 95% confidence, from 1,204 canary requests": {Requests: 1204, Rate: .009, Ratio: 1.4, Confidence: .95},
		"error rate at most 0.9%, at 95% confidence, from 1,204 canary requests":                                     {Requests: 1204, Rate: .009, Confidence: .95},
		"error rate at most 2.5 times the primary's, at 99.9% confidence, from 1,234,567 canary requests":            {Requests: 1234567, Ratio: 2.5, Confidence: .999},
		"nothing is shown about the error rate yet, from 1 canary request":                                           {Requests: 1, Confidence: .95},
		"failed messages at most 0.9%, at 95% confidence, from 1 canary event":                                       {Pair: "failed messages", Requests: 1, Rate: .009, Confidence: .95},
		"nothing is shown about failed messages yet, from 0 canary events":                                           {Pair: "failed messages", Confidence: .95},
		"nothing is shown about the error rate yet, from 0 canary requests":                                          {Confidence: .95},
	} {
		if got := s.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWhatIsWorseInWords(t *testing.T) {
	for want, s := range map[string]Shown{
		"error rate above 7% and above 20 times the primary's, at 95% confidence, from 400 canary requests": {Requests: 400, RateAbove: .07, RatioAbove: 20, Rate: .2, Confidence: .95},
		"error rate above 1.5 times the primary's, at 95% confidence, from 400 canary requests":             {Requests: 400, RatioAbove: 1.5, Confidence: .95},
		"from 1 canary request": {Requests: 1, Rate: .5, Confidence: .95},
	} {
		if got := s.Worse(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestNumbersInWords(t *testing.T) {
	for value, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567.4: "1,234,567", -3: "0", 1e12: "1,000,000,000,000"} {
		if got := whole(value); got != want {
			t.Errorf("%v: %s, want %s", value, got, want)
		}
	}
	for value, want := range map[float64]string{.1: "10%", .12345: "12.3%", .00001: "0.001%", 1: "100%", .009: "0.9%"} {
		if got := percent(value); got != want {
			t.Errorf("%v: %s, want %s", value, got, want)
		}
	}
	for value, want := range map[time.Duration]string{15 * time.Minute: "15m", time.Hour: "1h", 90 * time.Second: "1m30s", 1499 * time.Millisecond: "1s", 2*time.Hour + 5*time.Minute: "2h5m"} {
		if got := spell(value); got != want {
			t.Errorf("%v: %s, want %s", value, got, want)
		}
	}
	for value, want := range map[float64]string{.5: "50th", .91: "91st", .92: "92nd", .93: "93rd", .11: "11th", .99: "99th", .999: "99.9th", .01: "1st"} {
		if got := ordinal(value); got != want {
			t.Errorf("%v: %s, want %s", value, got, want)
		}
	}
}

// TestTheBoundsAreReported compares what is reported with what is true.
func TestTheBoundsAreReported(t *testing.T) {
	s := begin(t, nil)
	s.polls(10, Pair{1000, 10}, Pair{9000, 45})
	shown := s.last.Shown
	if shown.RateAbove <= 0 || shown.RateAbove >= .01 || shown.Rate <= .01 || shown.Rate > .02 || shown.RatioAbove < 1 || shown.RatioAbove >= 2 || shown.Ratio <= 2 || shown.Ratio > 4 {
		t.Errorf("1%% beside 0.5%%: %+v", shown)
	}
}
