package freeze

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

func window(schedule, duration, zone string) v1alpha1.Freeze {
	length, err := time.ParseDuration(duration)
	if err != nil {
		panic(err)
	}
	return v1alpha1.Freeze{ObjectMeta: metav1.ObjectMeta{Name: "f"}, Spec: v1alpha1.FreezeSpec{
		Reason: "quiet", Schedule: schedule, Duration: &metav1.Duration{Duration: length}, TimeZone: zone}}
}

func at(text string) time.Time {
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return moment
}

// told returns a moment in UTC, or a dash.
func told(moment time.Time) string {
	if moment.IsZero() {
		return "-"
	}
	return moment.UTC().Format("2006-01-02T15:04:05Z")
}

func TestWindows(t *testing.T) {
	weekend := window("0 18 * * FRI", "62h", "Europe/Berlin")
	night := window("30 2 * * *", "1h", "Europe/Berlin")
	for name, c := range map[string]struct {
		freeze v1alpha1.Freeze
		now    string
		want   string // active, until and next
	}{
		"before a window":     {weekend, "2026-06-05T15:59:59Z", "false - 2026-06-05T16:00:00Z"},
		"at its beginning":    {weekend, "2026-06-05T16:00:00Z", "true 2026-06-08T06:00:00Z 2026-06-12T16:00:00Z"},
		"just before its end": {weekend, "2026-06-08T05:59:59Z", "true 2026-06-08T06:00:00Z 2026-06-12T16:00:00Z"},
		"at its end":          {weekend, "2026-06-08T06:00:00Z", "false - 2026-06-12T16:00:00Z"},
		"over a change to summer time it ends on the hour": {weekend, "2026-03-28T12:00:00Z", "true 2026-03-30T06:00:00Z 2026-04-03T16:00:00Z"},
		"over a change to winter time it ends on the hour": {weekend, "2026-10-24T12:00:00Z", "true 2026-10-26T07:00:00Z 2026-10-30T17:00:00Z"},
		"a beginning that is left out is taken as early":   {night, "2026-03-29T00:30:00Z", "true 2026-03-29T01:30:00Z 2026-03-30T00:30:00Z"},
		"and does not begin before that":                   {night, "2026-03-29T00:29:59Z", "false - 2026-03-29T00:30:00Z"},
		"an hour that comes twice is frozen both times":    {night, "2026-10-25T01:15:00Z", "true 2026-10-25T02:30:00Z 2026-10-26T01:30:00Z"},
		"from its first beginning":                         {night, "2026-10-25T00:30:00Z", "true 2026-10-25T02:30:00Z 2026-10-26T01:30:00Z"},
		"windows that touch are one": {window("0 */6 * * *", "6h", "UTC"), "2026-01-01T05:00:00Z",
			"true 2026-01-26T06:00:00Z -"},
		"without a zone it is UTC": {window("0 0 25 12 *", "48h", ""), "2026-12-26T10:00:00Z", "true 2026-12-27T00:00:00Z 2027-12-25T00:00:00Z"},
		"29 February comes":        {window("0 0 29 2 *", "24h", "UTC"), "2026-01-01T00:00:00Z", "false - 2028-02-29T00:00:00Z"},
		"a zone south of the equator at midnight": {window("0 0 * * *", "1h", "America/Santiago"), "2026-09-06T03:30:00Z",
			"true 2026-09-06T04:00:00Z 2026-09-07T03:00:00Z"},
		"half an hour of change": {window("0 2 * * *", "1h", "Australia/Lord_Howe"), "2026-10-03T15:45:00Z",
			"true 2026-10-03T16:00:00Z 2026-10-04T15:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := WindowOf(&c.freeze, at(c.now))
			if err != nil {
				t.Fatal(err)
			}
			active := "false"
			if w.active {
				active = "true"
			}
			if got := strings.Join([]string{active, told(w.Until), told(w.Next)}, " "); got != c.want {
				t.Errorf("at %s it is %s, not %s", c.now, got, c.want)
			}
		})
	}
}

// TestEveryMomentOfAYear checks that a window is in force exactly from its stated start to its stated end.
func TestEveryMomentOfAYear(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
		for _, freeze := range []v1alpha1.Freeze{window("15 2 * * *", "75m", zone), window("30 1 * * SUN", "2h", zone)} {
			var until time.Time
			active, next := false, time.Time{}
			for now := at("2026-01-01T00:00:00Z"); now.Year() == 2026; now = now.Add(30 * time.Minute) {
				w, err := WindowOf(&freeze, now)
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case active && w.active && !w.Until.Equal(until):
					t.Fatalf("%s: at %s the end moves from %s to %s", zone, now, until, w.Until)
				case active && !w.active && now.Before(until):
					t.Fatalf("%s: at %s it is over, before %s", zone, now, until)
				case !active && w.active && !next.IsZero() && now.Before(next):
					t.Fatalf("%s: at %s it is in force, before %s", zone, now, next)
				}
				active, until, next = w.active, w.Until, w.Next
			}
		}
	}
}

func TestInForce(t *testing.T) {
	now := at("2026-06-06T12:00:00Z")
	always := v1alpha1.Freeze{ObjectMeta: metav1.ObjectMeta{Name: "stop"}, Spec: v1alpha1.FreezeSpec{
		Reason: "outage", Mode: v1alpha1.FreezePause, Stamp: v1alpha1.Stamp{By: "olga"}}}
	elsewhere, labelled, over, broken := always, always, always, always
	elsewhere.Spec.Namespaces = []string{"bar"}
	labelled.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "front"}}
	over.Spec.Until = &metav1.Time{Time: now}
	broken.Spec.Schedule, broken.Spec.Duration = "never", &metav1.Duration{Duration: time.Hour}
	ending := always
	ending.Spec.Until = &metav1.Time{Time: now.Add(48 * time.Hour)}
	weekend := window("0 18 * * FRI", "62h", "Europe/Berlin")
	for name, c := range map[string]struct {
		freezes      []v1alpha1.Freeze
		start, pause string
		change       string
	}{
		"nothing":                       {nil, "", "", "-"},
		"a stop":                        {[]v1alpha1.Freeze{always}, "frozen by Freeze/stop: outage (olga)", "frozen by Freeze/stop: outage (olga)", "-"},
		"a window starts nothing":       {[]v1alpha1.Freeze{weekend}, "frozen by Freeze/f until Mon 08:00 Europe/Berlin: quiet", "", "2026-06-08T06:00:00Z"},
		"of two the longer one is told": {[]v1alpha1.Freeze{weekend, always}, "frozen by Freeze/stop: outage (olga)", "frozen by Freeze/stop: outage (olga)", "2026-06-08T06:00:00Z"},
		"an end":                        {[]v1alpha1.Freeze{ending}, "frozen by Freeze/stop until 2026-06-08 12:00 UTC: outage (olga)", "frozen by Freeze/stop until 2026-06-08 12:00 UTC: outage (olga)", "2026-06-08T12:00:00Z"},
		"it is over":                    {[]v1alpha1.Freeze{over}, "", "", "-"},
		"another namespace":             {[]v1alpha1.Freeze{elsewhere}, "", "", "-"},
		"other labels":                  {[]v1alpha1.Freeze{labelled}, "", "", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			got := InForce(c.freezes, Subject{Namespace: "shop", Labels: map[string]string{"tier": "back"}}, now)
			if got.Start != c.start || got.Pause != c.pause || told(got.Change) != c.change {
				t.Errorf("got %+v", got)
			}
		})
	}
	if got := InForce([]v1alpha1.Freeze{labelled}, Subject{Labels: map[string]string{"tier": "front"}}, now); got.Pause == "" {
		t.Error("a Deployment with the labels must be frozen")
	}
	if got := InForce([]v1alpha1.Freeze{broken}, Subject{}, now); !strings.Contains(got.Start, "counts as in force: spec.schedule") {
		t.Errorf("a Freeze that cannot be read must be in force and say so: %q", got.Start)
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		freeze v1alpha1.Freeze
		wrong  string
	}{
		"a zone that is none":           {window("0 0 * * *", "1h", "Berlin"), `spec.timeZone: "Berlin": must be the name of a time zone`},
		"the zone of a machine":         {window("0 0 * * *", "1h", "Local"), "spec.timeZone"},
		"four fields":                   {window("0 0 * *", "1h", "UTC"), "spec.schedule"},
		"an hour that is none":          {window("0 25 * * *", "1h", "UTC"), "spec.schedule"},
		"a day that never comes":        {window("0 0 30 2 *", "1h", "UTC"), "no date matches it"},
		"a zone in the schedule":        {window("TZ=UTC 0 0 * * *", "1h", "UTC"), "spec.schedule"},
		"a prefix without any field":    {window("TZ=0", "1h", "UTC"), "spec.schedule"},
		"a word in place of a schedule": {window("@every 1h", "1h", "UTC"), "spec.schedule"},
		"no duration":                   {window("0 0 * * *", "0s", "UTC"), "spec: duration must be from 1m to 744h"},
		"a selector that is none": {v1alpha1.Freeze{Spec: v1alpha1.FreezeSpec{Selector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}}}, "spec.selector"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _ := StatusOf(&c.freeze, at("2026-01-01T00:00:00Z"))
			if !status.Active || !strings.Contains(status.Message, c.wrong) {
				t.Errorf("the status is %+v", status)
			}
		})
	}
}
