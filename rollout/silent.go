package rollout

import (
	"fmt"
	"slices"
	"time"

	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

// cleanUpLimit is how long any clean-up waits for a gateway that is gone. It is long enough for a restart of the gateway's
// controller.
const cleanUpLimit = time.Minute

// GatewayLimit is how long a clean-up waits for the gateways of these routes to confirm its last change of them: of a rollout that
// ends, of a Canary that is deleted, and of an uninstallation. A gateway that is gone, or has never reported, sends nothing, and gets
// a minute. One whose controller is away still serves as it last knew, so it gets the time that a rollout may wait for anything,
// and at least a minute.
func GatewayLimit(routes []route.Route, o observed.World, deadline time.Duration) time.Duration {
	if isUnserved(routes, o) {
		return cleanUpLimit
	}
	return max(cleanUpLimit, deadline)
}

// isUnserved reports whether all gateways that have not processed the routes are gone or have never reported on them.
func isUnserved(routes []route.Route, o observed.World) bool {
	exists := func(parent route.Parent) bool {
		return parent.Kind == route.ParentService || o.Gateway(o.GatewayBehind(parent)) != nil
	}
	return !slices.ContainsFunc(routes, func(r route.Route) bool { return !route.IsAbandoned(r, exists) })
}

func (f Facts) gatewayLimit() time.Duration {
	return GatewayLimit(f.writtenRoutes(), f.o, f.policy.ProgressDeadline)
}

// giveUpGateway waits for the limit of a clean-up, and returns whether it has passed. Nothing is given up while a route carries
// anything of the rollout.
func giveUpGateway(t *tick) (givenUp bool) {
	return t.carried() == "" && !waitForCleanUp(t, t.gatewayLimit())
}

// tellGivenUp says what a gateway may go on doing that has not confirmed the end of the rollout.
func tellGivenUp(t *tick, why string) {
	switch {
	case t.carried() != "":
		emit(t, events.StillCarried(why))
	case isUnserved(t.writtenRoutes(), t.o):
		emit(t, events.GatewayGone(why))
	default:
		emit(t, events.GatewaySilent(why, t.endingService()))
	}
}

// waitForCleanUp wakes at a limit of a clean-up, and returns whether it is still ahead.
func waitForCleanUp(t *tick, limit time.Duration) (waits bool) {
	left := t.cleanUpEnds(limit).Sub(t.o.Now)
	if left > 0 {
		wakeIn(t, left)
	}
	return left > 0
}

// cleanUpEnds is when the gateway must have returned all requests to the primary. The limit of a clean-up counts from the last
// change of the routes. The deletion of a Canary ends even if the routes cannot be changed.
func (t tick) cleanUpEnds(limit time.Duration) time.Time {
	since, isStuck := t.o.Now, false
	switch decided := t.plan.Next.Open().Decided; {
	case t.o.DeletedAt != nil:
		since, isStuck = *t.o.DeletedAt, t.carried() != ""
	case decided != nil:
		since = decided.Time
	}
	if changed := t.before.Open().SplitChanged; changed != nil && !isStuck {
		since = later(since, changed.Time)
	}
	return t.seenSince(since).Add(limit)
}

// untilGivenUp says when the canary is deleted although a gateway has confirmed nothing; empty while a route still carries the
// split.
func (t tick) untilGivenUp() string {
	if t.carried() != "" {
		return ""
	}
	return fmt.Sprintf("; the canary is deleted at %s even if it does not", events.ClockTime(t.cleanUpEnds(t.gatewayLimit())))
}
