package rollout

import (
	"fmt"
	"math"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

const (
	// podsCalm is how long the canary's pods must have been well before a step ends.
	podsCalm = time.Minute
	// podsLeast is how often something must have gone wrong before that alone rolls back, and podsChance how unlikely it must be that
	// as much happens to a version as good as the primary.
	podsLeast, podsChance = 3, 0.002
	// loopsLeast is how often a canary whose pods crash again and again must have restarted.
	loopsLeast = 2
	// podsWorse is how many times as much must go wrong in each pod of the canary as in each of the primary's.
	podsWorse = 3
)

// noticePods counts what has gone wrong with the pods of both versions since the canary first got requests.
func noticePods(t *tick) {
	open, seen := t.plan.Next.Rollout, t.o.Pods
	if open == nil || seen == nil || !observed.Judging(t.plan.Next) || t.o.DryRun {
		return
	}
	known, counts := podsKnown(*open)
	if !counts {
		return
	}
	next := v1alpha1.PodsStatus{Canary: countTroubles(known.Canary, seen.Canary, t.o.Now), Primary: countTroubles(known.Primary, seen.Primary, t.o.Now)}
	if next.Canary.Sum() == known.Canary.Sum() && next.Primary.Sum() == known.Primary.Sum() {
		return
	}
	open.Pods = &next
	if next.Canary.Sum() > known.Canary.Sum() && t.podsWorseThan(1) {
		emit(t, events.PodsInTrouble(t.podsShow()))
	}
}

// podsKnown is what was counted so far: nothing when the canary first gets requests, before which nothing counts.
func podsKnown(open v1alpha1.RolloutStatus) (known v1alpha1.PodsStatus, counts bool) {
	if open.Pods != nil {
		return *open.Pods, true
	}
	if open.Canary.TrafficStarted == nil {
		return known, false
	}
	since := open.Canary.TrafficStarted.Truncate(time.Second)
	known.Canary.Counted, known.Primary.Counted = stampOf(since), stampOf(since)
	return known, true
}

// countTroubles adds what is newer than everything that was counted. What a node whose clock is ahead says of a time to come counts then.
// Times of the API are whole seconds.
func countTroubles(counted v1alpha1.PodTroubles, pods []workload.PodHealth, now time.Time) v1alpha1.PodTroubles {
	since, newest := counted.Counted.Time, counted.Counted.Time
	isNew := func(at time.Time) bool {
		if !at.After(since) || at.After(now) {
			return false
		}
		newest = later(newest, at)
		return true
	}
	for _, pod := range pods {
		if isNew(pod.Ended) {
			counted.Restarts++
			if pod.OutOfMemory {
				counted.OutOfMemory++
			}
		}
		if isNew(pod.Unready) {
			counted.Unready++
		}
	}
	counted.Counted = stampOf(newest)
	return counted
}

// isUnwell reports whether the canary's pods fail where the primary's do not.
func (t tick) isUnwell() bool {
	return t.undecided() && observed.Judging(t.plan.Next) && t.podsFail()
}

func rollBackUnwell(t *tick) {
	rollBack(t, "the canary's pods fail: "+t.podsShow())
}

// podsFail reports whether so much more has gone wrong with the canary's pods than with the primary's that it is no accident: by the
// binomial tail of how the troubles would fall on equal pods, or because most of the canary's pods crash again and again.
func (t tick) podsFail() bool {
	known, seen := t.plan.Next.Open().Pods, t.o.Pods
	if known == nil || seen == nil || !t.podsWorseThan(podsWorse) {
		return false
	}
	canary, all := int(known.Canary.Sum()), int(known.Canary.Sum()+known.Primary.Sum())
	share := float64(len(seen.Canary)) / float64(len(seen.Canary)+len(seen.Primary))
	loops := canary >= loopsLeast && mostAreStuck(seen.Canary) && !mostAreStuck(seen.Primary)
	return loops || canary >= podsLeast && atLeast(canary, all, share) <= podsChance
}

// podsWorseThan reports whether more than so many times as much has gone wrong in each pod of the canary as in each of the primary's.
// Without a pod of either there is nothing to compare.
func (t tick) podsWorseThan(times int) bool {
	known, seen := t.plan.Next.Open().Pods, t.o.Pods
	return known != nil && seen != nil && len(seen.Canary) > 0 && len(seen.Primary) > 0 &&
		int(known.Canary.Sum())*len(seen.Primary) > times*int(known.Primary.Sum())*len(seen.Canary)
}

// podsHold says why a step does not end yet: the canary's pods were in trouble a moment ago, and more than the primary's. Empty if not.
func (t tick) podsHold() string {
	known := t.plan.Next.Open().Pods
	if known == nil || !t.podsWorseThan(1) || !t.o.Now.Before(known.Canary.Counted.Add(podsCalm)) {
		return ""
	}
	return "the canary's pods are in trouble: " + t.podsShow()
}

// podsShow says what has gone wrong with the pods of both versions.
func (t tick) podsShow() string {
	known, seen := t.plan.Next.Rollout.Pods, t.o.Pods
	said := troublesOf(known.Canary, len(seen.Canary))
	if stuck := stuckIn(seen.Canary); stuck != "" {
		said += " (now " + stuck + ")"
	}
	return fmt.Sprintf("%s of the canary; %s of the primary", said, troublesOf(known.Primary, len(seen.Primary)))
}

func troublesOf(counted v1alpha1.PodTroubles, pods int) string {
	var parts []string
	if counted.Restarts > 0 || counted.Unready == 0 {
		parts = append(parts, fmt.Sprintf("restarts: %d", counted.Restarts))
	}
	if counted.OutOfMemory > 0 {
		parts = append(parts, fmt.Sprintf("out of memory: %d", counted.OutOfMemory))
	}
	if counted.Unready > 0 {
		parts = append(parts, fmt.Sprintf("lost readiness: %d", counted.Unready))
	}
	return fmt.Sprintf("%s in %d pods", strings.Join(parts, ", "), pods)
}

func stuckIn(pods []workload.PodHealth) string {
	for _, pod := range pods {
		if pod.Stuck != "" {
			return pod.Stuck
		}
	}
	return ""
}

func mostAreStuck(pods []workload.PodHealth) bool {
	stuck := 0
	for _, pod := range pods {
		if pod.Stuck != "" {
			stuck++
		}
	}
	return 2*stuck >= len(pods)
}

// atLeast is the chance that at least this many of all troubles fall on a part of equal pods: the upper tail of the binomial distribution.
func atLeast(many, all int, part float64) float64 {
	sum := 0.0
	for k := many; k <= all; k++ {
		of, _ := math.Lgamma(float64(all + 1))
		chosen, _ := math.Lgamma(float64(k + 1))
		rest, _ := math.Lgamma(float64(all - k + 1))
		sum += math.Exp(of - chosen - rest + float64(k)*math.Log(part) + float64(all-k)*math.Log1p(-part))
	}
	return sum
}
