package freeze

import (
	"fmt"
	"strings"
	"time"
	// Images may lack time zone data, which the time zones of users need.
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

// Window is the state of a Freeze at a moment.
type Window struct {
	active bool
	// Since and Until are the start and the end of the window in force. Zero without a schedule or an end.
	Since, Until time.Time
	// Next is when the next window starts. Zero if there is none.
	Next time.Time
}

// change is when the state of the Freeze changes.
func (w Window) change() time.Time {
	if w.active {
		return w.Until
	}
	return w.Next
}

// WindowOf reports whether a Freeze is in force now. If it returns an error, the Freeze cannot be read and the window has no
// end.
//
// Windows follow the local clock: one from 18:00 on Friday for 62 hours ends at 08:00 on Monday, even if the clock changes in
// between. A start that the clock skips is taken as early as possible, and an end that it shows twice as late as possible.
func WindowOf(f *v1alpha1.Freeze, now time.Time) (Window, error) {
	w, err := scheduled(f.Spec, now)
	if until := f.Spec.Until; until != nil {
		w = w.before(until.Time, now)
	}
	return w, err
}

// before cuts off what comes after an end.
func (w Window) before(end, now time.Time) Window {
	if !now.Before(end) {
		return Window{}
	}
	if w.active && (w.Until.IsZero() || w.Until.After(end)) {
		w.Until = end
	}
	if !w.Next.Before(end) {
		w.Next = time.Time{}
	}
	return w
}

func scheduled(spec v1alpha1.FreezeSpec, now time.Time) (Window, error) {
	always := Window{active: true}
	if spec.Selector != nil {
		if _, err := metav1.LabelSelectorAsSelector(spec.Selector); err != nil {
			return always, fmt.Errorf("spec.selector: %w", err)
		}
	}
	if spec.Schedule == "" {
		return always, nil
	}
	if spec.Duration == nil {
		return always, fmt.Errorf("spec: schedule and duration belong together: set both for windows, " +
			"or neither for a freeze that lasts until it is deleted")
	}
	if spec.Duration.Duration < time.Minute {
		return always, fmt.Errorf("spec: duration must be from 1m to 744h")
	}
	location, err := locationOf(zone(spec.TimeZone))
	if err != nil {
		return always, err
	}
	schedule, err := scheduleOf(spec.Schedule)
	if err != nil {
		return always, err
	}
	return windowIn(schedule, spec.Duration.Duration, location, now), nil
}

func zone(name string) string {
	if name == "" {
		return "UTC"
	}
	return name
}

func zoneOf(f *v1alpha1.Freeze) string { return zone(f.Spec.TimeZone) }

func locationOf(name string) (*time.Location, error) {
	location, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("spec.timeZone: %q: must be the name of a time zone, such as Europe/Berlin, or UTC", name)
	}
	return location, nil
}

var fields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

func scheduleOf(text string) (cron.Schedule, error) {
	wrong := fmt.Errorf("spec.schedule: %q: must have the five cron fields minute, hour, day of month, month and day of week, "+
		"such as \"0 18 * * FRI\"", text)
	// The parser reads a prefix as a time zone, which is a separate field of a Freeze.
	if strings.Contains(text, "=") {
		return nil, wrong
	}
	schedule, err := fields.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", wrong, err)
	}
	if schedule.Next(time.Unix(0, 0).UTC()).IsZero() {
		return nil, fmt.Errorf("%w: no date matches it", wrong)
	}
	return schedule, nil
}

// mostMerged is how many overlapping windows are merged into one. A longer chain is evaluated again at the end of the merged
// window.
const mostMerged = 100

// changeOfClock is the most by which a clock is put forward or back.
const changeOfClock = 3 * time.Hour

// windowIn calculates with local clock times as if they were UTC, and converts starts and ends to moments.
func windowIn(schedule cron.Schedule, duration time.Duration, location *time.Location, now time.Time) Window {
	shown := clock(now, location)
	begin := func(at time.Time) time.Time { return earliest(at, location) }
	end := func(at time.Time) time.Time { return latest(at.Add(duration), location) }
	at := schedule.Next(shown.Add(-duration - changeOfClock))
	for !at.IsZero() && !end(at).After(now) {
		at = schedule.Next(at)
	}
	switch {
	case at.IsZero():
		return Window{}
	case begin(at).After(now):
		return Window{Next: begin(at)}
	}
	w := Window{active: true, Since: begin(at), Until: end(at)}
	for range mostMerged {
		if at = schedule.Next(at); at.IsZero() || begin(at).After(w.Until) {
			break
		}
		w.Until = end(at)
	}
	if !at.IsZero() && begin(at).After(w.Until) {
		w.Next = begin(at)
	}
	return w
}

// clock returns the local clock time at a moment, as a time in UTC.
func clock(moment time.Time, location *time.Location) time.Time {
	_, offset := moment.In(location).Zone()
	return moment.UTC().Add(time.Duration(offset) * time.Second)
}

// moments returns the first and last moment at which the local clock shows a time. For a time that it skips, these are the
// moments according to the offsets before and after the change.
func moments(shown time.Time, location *time.Location) (first, last time.Time) {
	var all, exact []time.Time
	for _, near := range []time.Duration{-changeOfClock * 8, changeOfClock * 8} {
		_, offset := shown.Add(near).In(location).Zone()
		moment := shown.Add(-time.Duration(offset) * time.Second)
		all = append(all, moment)
		if clock(moment, location).Equal(shown) {
			exact = append(exact, moment)
		}
	}
	if len(exact) == 0 {
		exact = all
	}
	first, last = exact[0], exact[0]
	for _, moment := range exact {
		if moment.Before(first) {
			first = moment
		}
		if moment.After(last) {
			last = moment
		}
	}
	return first, last
}

func earliest(shown time.Time, location *time.Location) time.Time {
	first, _ := moments(shown, location)
	return first
}

func latest(shown time.Time, location *time.Location) time.Time {
	_, last := moments(shown, location)
	return last
}
