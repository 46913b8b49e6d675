package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/cookies"
	"sluice.dev/sluice/rollout/events"
)

// takeCookiesBack keeps a split at the end of a rollout that sends users with a cookie to the primary and removes the
// cookie, for as long as the policy says. It returns whether that is done or cannot be done.
func takeCookiesBack(t *tick) (done bool) {
	if !t.hasCookiesToTakeBack() {
		return true
	}
	affinity, lasts := t.plan.Next.Rollout.SessionAffinity, t.expireFor()
	if affinity.Expiring != nil && !t.o.Now.Before(affinity.Expiring.Add(lasts)) {
		return true
	}
	split := t.split()
	split.Match, split.Mirror = nil, 0
	split.Affinity = cookies.Affinity(&v1alpha1.SessionAffinityStatus{Canary: affinity.Canary, Expired: cookies.Expired(affinity)})
	planSplit(t, split)
	if why := t.lacksEffect(split); why != "" && affinity.Expiring == nil {
		say(t, "Sending all requests to the primary and expiring cookies: "+why)
		// A primary whose requests return in parts takes longer until its routes reach weight 0.
		return t.writtenWeight() == 0 && !waitForCleanUp(t, cleanUpLimit)
	}
	if affinity.Expiring == nil {
		affinity.Expiring = t.stamp()
	}
	ends := affinity.Expiring.Add(lasts)
	say(t, fmt.Sprintf("All requests go to the primary; cookies are being expired until %s", events.ClockTime(ends)))
	wakeIn(t, ends.Sub(t.o.Now))
	return false
}

// hasCookiesToTakeBack reports whether the policy takes back cookies that users have, and a route can do it.
func (t tick) hasCookiesToTakeBack() bool {
	return t.plan.Next.Rollout.SessionAffinity != nil && t.expireFor() > 0 && t.o.Finalizer && len(t.target.Routes) > 0 && !t.goesOn()
}

func (f Facts) expireFor() time.Duration {
	if f.policy.SessionAffinity == nil {
		return 0
	}
	return f.policy.SessionAffinity.ExpireFor.Duration
}

// replaced are the cookies of the rollout that the new rollout replaces; nil if it replaces none.
func (t tick) replaced() *v1alpha1.SessionAffinityStatus {
	if t.plan.Next.Candidate.Outcome != v1alpha1.OutcomeSuperseded {
		return nil
	}
	return t.before.Open().SessionAffinity
}

// goesOn reports whether a newer candidate comes next. Its routes take back the cookies of this one.
func (t tick) goesOn() bool {
	return t.plan.Next.Candidate.Outcome == v1alpha1.OutcomeSuperseded && t.starts()
}
