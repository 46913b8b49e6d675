package freeze

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"sluice.dev/sluice/api/v1alpha1"
)

// Subject is a Deployment that Freezes may select.
type Subject struct {
	// Namespace is the namespace of the Deployment.
	Namespace string
	// Labels are the labels of the Deployment.
	Labels map[string]string
}

// Verdict is the effect of all Freezes on one Deployment.
type Verdict struct {
	// Start says which Freeze prevents a rollout from starting, until when and why. Empty if none does.
	Start string
	// Pause says the same of an open rollout. Empty if the rollout continues.
	Pause string
	// Change is when to evaluate again: the next start or end of a Freeze. The zero time means never.
	Change time.Time
}

// InForce returns which Freezes hold a Deployment now. Of several in force, it names the one that lasts longest. A Freeze
// that cannot be read is in force, because it was created to hold something; the sentence then says what is wrong with it.
func InForce(freezes []v1alpha1.Freeze, subject Subject, now time.Time) Verdict {
	var verdict Verdict
	var start, pause span
	for i := range freezes {
		f := &freezes[i]
		if !concerns(f, subject) {
			continue
		}
		window, err := WindowOf(f, now)
		verdict.Change = soonest(verdict.Change, window.change())
		if !window.active {
			continue
		}
		sentence := explain(f, window, err)
		if start.give(window) {
			verdict.Start = sentence
		}
		if f.Spec.Mode == v1alpha1.FreezePause && pause.give(window) {
			verdict.Pause = sentence
		}
	}
	return verdict
}

// concerns reports whether a Freeze selects a Deployment. A Freeze that is being deleted selects nothing.
func concerns(f *v1alpha1.Freeze, subject Subject) bool {
	if f.DeletionTimestamp != nil || len(f.Spec.Namespaces) > 0 && !slices.Contains(f.Spec.Namespaces, subject.Namespace) {
		return false
	}
	if f.Spec.Selector == nil {
		return true
	}
	selector, err := metav1.LabelSelectorAsSelector(f.Spec.Selector)
	return err != nil || selector.Matches(labels.Set(subject.Labels))
}

// explain returns a sentence such as: frozen by Freeze/black-friday until Mon 08:00 Europe/Berlin: the shop is full (jane).
func explain(f *v1alpha1.Freeze, window Window, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "frozen by Freeze/%s", f.Name)
	if !window.Until.IsZero() {
		fmt.Fprintf(&b, " until %s", when(window.Until, window.Since, zoneOf(f)))
	}
	if f.Spec.Reason != "" {
		fmt.Fprintf(&b, ": %s", f.Spec.Reason)
	}
	if f.Spec.By != "" {
		fmt.Fprintf(&b, " (%s)", f.Spec.By)
	}
	if err != nil {
		fmt.Fprintf(&b, "; it cannot be read and counts as in force: %v", err)
	}
	return b.String()
}

// when formats a moment for people: the day of the week if that is unambiguous, else the date.
func when(moment, since time.Time, zone string) string {
	const week = 6 * 24 * time.Hour
	layout := "Mon 15:04"
	if since.IsZero() || moment.Sub(since) > week {
		layout = "2006-01-02 15:04"
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		location, zone = time.UTC, "UTC"
	}
	return moment.In(location).Format(layout) + " " + zone
}

// StatusOf returns the status that a Freeze should have now, and when to evaluate it again. The zero time means never.
func StatusOf(f *v1alpha1.Freeze, now time.Time) (v1alpha1.FreezeStatus, time.Time) {
	window, err := WindowOf(f, now)
	status := v1alpha1.FreezeStatus{Active: window.active, ActiveUntil: timeOf(window.Until), NextStart: timeOf(window.Next)}
	if !window.active {
		status.ActiveUntil = nil
	}
	if err != nil {
		status.Message = err.Error()
	}
	return status, window.change()
}

func timeOf(moment time.Time) *metav1.Time {
	if moment.IsZero() {
		return nil
	}
	return &metav1.Time{Time: moment}
}

func soonest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// span keeps the longest of several windows.
type span struct {
	taken bool
	until time.Time
}

// give offers a window and reports whether it lasts longer than those before it. A window without an end is the longest.
func (s *span) give(window Window) bool {
	longer := !s.taken || !s.until.IsZero() && (window.Until.IsZero() || window.Until.After(s.until))
	if longer {
		s.taken, s.until = true, window.Until
	}
	return longer
}
