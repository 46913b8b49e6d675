package rollout

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
)

const (
	// backOffWindow is for how long a supersede counts.
	backOffWindow = time.Hour
	// freeSupersedes is how many rollouts a user may supersede within that time before the next one waits.
	freeSupersedes = 3
	// mostSupersedes is how many supersedes are counted.
	mostSupersedes = 10
	// firstBackOff is how long the next candidate waits after one supersede too many. Each further one doubles it, up to
	// longestBackOff.
	firstBackOff   = time.Minute
	longestBackOff = 10 * time.Minute
)

// countSupersede counts that a newer candidate has replaced one that was being judged. A template that changes again and again,
// for example because an operator writes its own values into it, would start rollouts at weight 0 without end.
func countSupersede(t *tick) {
	recent := append(t.recentSupersedes(), *t.stamp())
	t.plan.Next.Superseded = recent[max(0, len(recent)-mostSupersedes):]
	if why := t.backsOff(); why != "" {
		emit(t, events.SupersededOften(why, t.o.Candidate.By))
	}
}

// recentSupersedes are the supersedes that count. One ahead of the clock does not: the clock was set back.
func (t tick) recentSupersedes() []metav1.MicroTime {
	var recent []metav1.MicroTime
	for _, at := range t.plan.Next.Superseded {
		if age := t.o.Now.Sub(at.Time); age >= 0 && age < backOffWindow {
			recent = append(recent, at)
		}
	}
	return recent
}

// startsAgain is when the next candidate may start; the zero time if nothing holds it.
func (t tick) startsAgain() time.Time {
	recent := t.recentSupersedes()
	if len(recent) <= freeSupersedes {
		return time.Time{}
	}
	wait := firstBackOff << (len(recent) - freeSupersedes - 1)
	return recent[len(recent)-1].Add(min(wait, longestBackOff))
}

// backsOff says why the candidate may not start yet; empty if it may. A retry starts at once, because a user has asked for it.
func (t tick) backsOff() string {
	again := t.startsAgain()
	if !t.o.Now.Before(again) || t.o.Candidate.Attempt > 0 {
		return ""
	}
	number, atLeast := len(t.recentSupersedes()), ""
	if number == mostSupersedes {
		atLeast = "at least "
	}
	return fmt.Sprintf("superseded %s%d times within an hour; the next rollout starts at %s", atLeast, number, events.ClockTime(again))
}

// backOff makes a candidate wait whose predecessors were superseded too often.
func backOff(t *tick) {
	t.plan.Next = t.asWaiting()
	block(t, v1alpha1.BlockedSuperseded, t.backsOff())
	wakeIn(t, t.startsAgain().Sub(t.o.Now))
}
