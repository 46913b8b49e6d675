package analysis

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

const (
	pass   = v1alpha1.VerdictPass
	fail   = v1alpha1.VerdictFail
	unsure = v1alpha1.VerdictInconclusive
)

// TestStanding plays rounds a minute apart. The moment lies between the first and the second.
func TestStanding(t *testing.T) {
	first := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	own := func(verdict v1alpha1.Verdict) []v1alpha1.CheckStatus {
		return []v1alpha1.CheckStatus{{Name: "own", Verdict: verdict}}
	}
	both := func(own, other v1alpha1.Verdict) []v1alpha1.CheckStatus {
		return []v1alpha1.CheckStatus{{Name: "own", Verdict: own}, {Name: "other", Verdict: other}}
	}
	skipped := []v1alpha1.CheckStatus{{Name: "own", Verdict: unsure, Optional: true}}
	tried := []v1alpha1.CheckStatus{{Name: "own", Verdict: fail, DryRun: true}, {Name: "other", Verdict: pass}}
	for name, c := range map[string]struct {
		rounds [][]v1alpha1.CheckStatus
		want   v1alpha1.Verdict
	}{
		"nothing has been judged":                         {nil, unsure},
		"a pass before the moment is too old":             {[][]v1alpha1.CheckStatus{own(pass), own(unsure)}, unsure},
		"a failure before the moment is too old":          {[][]v1alpha1.CheckStatus{own(fail), own(unsure)}, unsure},
		"a pass stands while data lack":                   {[][]v1alpha1.CheckStatus{own(unsure), own(pass), own(unsure), own(unsure)}, pass},
		"a failure stands while data lack":                {[][]v1alpha1.CheckStatus{own(pass), own(fail), own(unsure)}, fail},
		"a failure takes a pass back":                     {[][]v1alpha1.CheckStatus{own(unsure), own(pass), own(unsure), own(fail)}, fail},
		"a pass takes a failure back":                     {[][]v1alpha1.CheckStatus{own(unsure), own(fail), own(pass), own(unsure)}, pass},
		"checks may pass in different rounds":             {[][]v1alpha1.CheckStatus{nil, both(pass, unsure), both(unsure, pass)}, pass},
		"one check that has not passed keeps the others":  {[][]v1alpha1.CheckStatus{both(pass, pass), both(pass, unsure)}, unsure},
		"a check that may lack data decides nothing then": {[][]v1alpha1.CheckStatus{own(pass), own(fail), skipped}, pass},
		"a check that is only tried decides nothing":      {[][]v1alpha1.CheckStatus{nil, tried}, pass},
	} {
		t.Run(name, func(t *testing.T) {
			var results []v1alpha1.CheckStatus
			for i, round := range c.rounds {
				results = Tally(results, append([]v1alpha1.CheckStatus(nil), round...), metav1.NewMicroTime(first.Add(time.Duration(i)*time.Minute)))
			}
			if got := Standing(results, first.Add(time.Second)); got != c.want {
				t.Errorf("it stands at %s, not %s: %+v", got, c.want, results)
			}
		})
	}
}

func TestACheckRemembersWhenItWasJudged(t *testing.T) {
	before, now := metav1.NewMicroTime(time.Unix(100, 0)), metav1.NewMicroTime(time.Unix(200, 0))
	for verdict, want := range map[v1alpha1.Verdict]metav1.MicroTime{pass: now, fail: now, unsure: before} {
		got := Tally([]v1alpha1.CheckStatus{{Name: "own", Judged: &before}}, []v1alpha1.CheckStatus{{Name: "own", Verdict: verdict}}, now)[0]
		if got.Judged == nil || !got.Judged.Time.Equal(want.Time) {
			t.Errorf("%s: judged at %v, not %v", verdict, got.Judged, want)
		}
	}
}
