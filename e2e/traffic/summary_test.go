package traffic

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.Local)

// answered returns a request that was sent this long after noon and took 10 ms.
func answered(after time.Duration, version string, status int, err string) Answer {
	sent := noon.Add(after)
	return Answer{Sent: sent, Done: sent.Add(10 * time.Millisecond), Version: version, Status: status, Err: err}
}

func TestCounts(t *testing.T) {
	report := Report{[]Answer{
		answered(0, "v1", 200, ""), answered(0, "v1", 200, ""), answered(0, "v1", 500, ""), answered(0, "", 404, ""), answered(0, "", 0, "refused"),
	}}
	want := map[string]map[int]int{"v1": {200: 2, 500: 1}, "": {404: 1, 0: 1}}
	if diff := cmp.Diff(want, report.Counts()); diff != "" {
		t.Error(diff)
	}
}

func TestSecondsHaveNoGaps(t *testing.T) {
	report := Report{[]Answer{
		answered(3100*time.Millisecond, "v2", 200, ""), answered(900*time.Millisecond, "v1", 200, ""), answered(1*time.Second, "v1", 200, ""),
		answered(1900*time.Millisecond, "v1", 500, ""),
	}}
	var got []string
	for _, second := range report.Seconds() {
		got = append(got, second.At.Format(time.TimeOnly)+" "+strings.TrimSpace(strings.Split(second.String(), "  first")[0]))
	}
	want := []string{"12:00:00 v1 1 (100%)  failed 0", "12:00:01 v1 2 (100%) 500:1  failed 1", "12:00:02 failed 0", "12:00:03 v2 1 (100%)  failed 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if (Report{}).Seconds() != nil {
		t.Error("an empty report has seconds")
	}
}

func TestLatency(t *testing.T) {
	var hundred Report
	for i := 100; i > 0; i-- {
		hundred.Answers = append(hundred.Answers, Answer{Sent: noon, Done: noon.Add(time.Duration(i) * time.Millisecond)})
	}
	for name, c := range map[string]struct {
		report Report
		share  float64
		want   time.Duration
	}{
		"the median":                      {hundred, 0.5, 50 * time.Millisecond},
		"the P99":                         {hundred, 0.99, 99 * time.Millisecond},
		"the slowest":                     {hundred, 1, 100 * time.Millisecond},
		"a share of nothing, the fastest": {hundred, 0, time.Millisecond},
		"the P99 of one":                  {Report{hundred.Answers[:1]}, 0.99, 100 * time.Millisecond},
		"none of none":                    {Report{}, 0.99, 0},
	} {
		if got := c.report.Latency(c.share); got != c.want {
			t.Errorf("%s: got %s, not %s", name, got, c.want)
		}
	}
}

func TestASummaryHasALineForEachVersionAndTheFirstFailures(t *testing.T) {
	report := Report{[]Answer{answered(0, "v1", 200, ""), answered(time.Second, "v1", 200, ""), answered(2*time.Second, "v2", 503, ""), answered(0, "", 0, "connection refused")}}
	var out strings.Builder
	if err := report.Summarize(&out); err != nil {
		t.Fatal(err)
	}
	want := `VERSION   REQUESTS   SHARE    FAILED   STATUSES              P50    P99    FIRST      LAST
v1        2          50.0%    0        200:2                 10ms   10ms   12:00:00   12:00:01
v2        1          25.0%    1        503:1                 10ms   10ms   12:00:02   12:00:02
(none)    1          25.0%    1        error:1               10ms   10ms   12:00:00   12:00:00
all       4          100.0%   2        error:1 200:2 503:1   10ms   10ms   12:00:00   12:00:02
failed at 12:00:02.000: v2 status 503
failed at 12:00:00.000: connection refused
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestASummaryListsFewFailures(t *testing.T) {
	var report Report
	for range 9 {
		report.Answers = append(report.Answers, answered(0, "v2", 500, ""))
	}
	var out strings.Builder
	if err := report.Summarize(&out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "failed at") != 5 || !strings.HasSuffix(got, "... and 4 more failures\n") {
		t.Errorf("got %s", got)
	}
}

func TestASummaryOfNothing(t *testing.T) {
	var out strings.Builder
	if err := (Report{}).Summarize(&out); err != nil || !strings.Contains(out.String(), "all       0          0.0%") {
		t.Errorf("got %v and %s", err, out.String())
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestASummaryThatCannotBeWrittenIsAnError(t *testing.T) {
	if err := (Report{}).Summarize(fullDisk{}); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v", err)
	}
}

func TestAnswersOfNoVersionAreNotOverlooked(t *testing.T) {
	report := Report{[]Answer{answered(0, "v1", 200, ""), answered(0, "", 404, "")}}
	if got, want := report.String(), "v1 1 (50%)  no version 1 (50%) 404:1  failed 0"; got != want {
		t.Errorf("got %q, not %q", got, want)
	}
}
