package guard

import (
	"fmt"
	"math"
	"time"
)

// Decide takes one look: it updates the state with a poll, which is nil without new samples of both arms, and decides what to do.
// It never panics, and never returns a state with a number that is not one.
//
// The settings may change between calls. A test that they no longer have ends; one that they did not have at the start acts in the next
// rollout.
func Decide(settings Settings, state State, poll *Poll, moment Moment) (State, Decision) {
	settings = settings.sane()
	state = state.fitting(settings)
	if state.Step != moment.Step || state.Arms != moment.Arms {
		state.begin(moment)
	}
	if poll != nil {
		state.observe(&settings, poll, &moment)
	}
	l := look{settings: &settings, state: &state, moment: &moment}
	l.evidence, l.threshold = state.evidence(&settings), 1/state.alpha(&settings)
	if l.evidence < suspicious {
		state.Suspected = 0
	}
	decision := l.complete(l.decide())
	return state, decision
}

// look is what one call of Decide has in hand.
type look struct {
	settings            *Settings
	state               *State
	moment              *Moment
	evidence, threshold float64
}

// decide asks the rules in order. The order is part of the design: what cannot be judged comes first, harm before everything that
// could hold it up, and only a step that nothing speaks against ends.
func (l *look) decide() Decision {
	for _, rule := range []func() (Decision, bool){
		l.stale, l.harmed, l.waiting, l.damaged, l.degraded, l.missing, l.slow, l.accepted, l.collecting, l.suspected, l.silent,
	} {
		if decision, applies := rule(); applies {
			return decision
		}
	}
	return l.inconclusive()
}

// stale: without new samples nothing is known. A query that fails now and then is no reason to stop.
func (l *look) stale() (Decision, bool) {
	scrape := l.moment.Scrape
	if scrape <= 0 {
		scrape = unknownScrape
	}
	if l.moment.Stale <= staleScrapes*scrape {
		return Decision{}, false
	}
	says := "no new samples of both versions for " + spell(l.moment.Stale)
	return l.limited(Stale, l.moment.Stale, ThenPause, says), true
}

func (l *look) harmed() (Decision, bool) {
	return Decision{Action: RollBack, Reason: Harm}, l.evidence >= l.threshold
}

func (l *look) waiting() (Decision, bool) {
	return Decision{Action: Hold, Reason: NotReady, Message: l.moment.NotReady}, l.moment.NotReady != ""
}

// routeFails reports whether the whole route is proven to fail more than before, while the primary does.
func (l *look) routeFails() bool {
	return l.moment.Arms.Acts().Route && l.state.Route.E() >= l.threshold
}

// damaged: both versions have failed for a while, and the whole route more than before. A canary that compares well may still be the
// cause. Going back a step shows, once: if they still fail then, it is not the step.
func (l *look) damaged() (Decision, bool) {
	if l.state.Returned || l.moment.Step <= 1 || l.state.Failing < lasting || !l.routeFails() {
		return Decision{}, false
	}
	says := "all versions together fail more than " + percent(l.state.RouteRate)
	l.state.Returned = true
	l.state.Returns = min(l.state.Returns+1, mostReturns+1)
	if l.state.Returns > mostReturns {
		return Decision{Action: Pause, Reason: SharedDamage, Message: says + fmt.Sprintf(", after %d returns to the step before", mostReturns)}, true
	}
	return Decision{Action: Return, Reason: SharedDamage, Message: says}, true
}

// degraded: the primary itself fails, which is not the canary's fault.
func (l *look) degraded() (Decision, bool) {
	broken := l.moment.Arms.Acts().Rate && l.state.Gate.broken(l.settings.SLO, l.state.Bursts.Harm)
	if !broken && !l.routeFails() {
		return Decision{}, false
	}
	return l.surroundings(), true
}

func (l *look) surroundings() Decision {
	says := fmt.Sprintf("%s of the primary's own requests fail, and the limit is %s", percent(l.state.Gate.Past.rate()), percent(l.settings.SLO))
	return l.held(EnvironmentDegraded, &l.state.Surroundings, says)
}

// missing: a crash loop, an ejected endpoint or a wrong route shows in the requests that do not come, not in errors.
func (l *look) missing() (Decision, bool) {
	if !l.moment.Arms.Acts().Missing || !l.state.missing(l.moment.Weight, l.threshold) {
		return Decision{}, false
	}
	all, canary := l.state.StepRoute.Total, l.state.Errors.Step.Total
	says := fmt.Sprintf("the canary got %s of %s requests; its weight is %s", whole(canary), whole(all), percent(l.moment.Weight/100))
	return l.held(MissingTraffic, &l.state.Surroundings, says), true
}

// missing reports whether the canary is proven to get less than half of its weight, in percent.
func (s *State) missing(weight, threshold float64) bool {
	if !(weight > 0 && weight < 100) {
		return false
	}
	return RateTest{Rate: weight / 200}.accepted(Pair{s.StepRoute.Total, s.Errors.Step.Total}, 1) >= threshold
}

// slow: the latency is beyond the user's limit. Harm rolls back once it is proven, which it cannot be while the primary's latency is
// beyond it, too. No step ends meanwhile.
func (l *look) slow() (Decision, bool) {
	if !l.moment.Arms.Acts().Rate || l.settings.Limit == nil {
		return Decision{}, false
	}
	verdict, says := l.state.LimitVerdict(*l.settings)
	if verdict != LimitBroken {
		return Decision{}, false
	}
	return l.held(OverLimit, &l.state.Surroundings, says+", and the limit is "+latency(l.settings.Limit.Seconds)), true
}

func (l *look) accepted() (Decision, bool) {
	earliest := l.settings.MinDwell
	if !l.settings.Early {
		earliest = l.settings.MaxDwell
	}
	ends := l.moment.InStep >= earliest && l.state.Polls >= leastPolls && l.evidence < suspicious
	return Decision{Action: Advance, Reason: Accepted}, ends && l.enough() && l.state.accepted(l.settings, l.moment)
}

// collecting: the step is young, or has had too few polls to prove harm.
func (l *look) collecting() (Decision, bool) {
	left := l.settings.MaxDwell - l.moment.InStep
	return Decision{Action: Hold, Reason: Collecting, Left: max(left, 0)}, left > 0 || l.state.Polls < leastPolls && l.enough()
}

// suspected: the data favours harm. Only suspicion in a row counts: over a long rollout, moments of chance would add up.
func (l *look) suspected() (Decision, bool) {
	if l.evidence < suspicious {
		return Decision{}, false
	}
	if l.moment.Arms.Acts().Rate && !l.state.Gate.keeps(l.settings.SLO) {
		// Meanwhile the canary cannot clear itself: it is not compared with the limit.
		return l.surroundings(), true
	}
	l.state.Suspected = sum(l.state.Suspected, l.moment.Passed)
	return l.limited(Suspicious, l.state.Suspected, l.onSuspicious(), ""), true
}

// onSuspicious is what follows suspicion. Too little to roll back pauses.
func (l *look) onSuspicious() Then {
	if l.settings.OnSuspicious == ThenRollBack && l.evidence < math.Pow(l.threshold, probable) {
		return ThenPause
	}
	return l.settings.OnSuspicious
}

// silent: no data never moves traffic.
func (l *look) silent() (Decision, bool) {
	if l.enough() {
		return Decision{}, false
	}
	says := "the canary got no requests in this step"
	switch got := l.inStep(); {
	case got > 0:
		says = fmt.Sprintf("the canary got %s of at least %s %s in this step", whole(got), whole(l.settings.MinRequests), l.what())
	case !l.moment.Arms.Acts().Requests:
		says = "no events of the canary were counted in this step"
	}
	return l.limited(NoRequests, l.moment.InStep-l.settings.MaxDwell, ThenPause, says), true
}

func (l *look) enough() bool { return l.inStep() >= l.settings.MinRequests }

// inStep is how many requests the canary got in this step, or how many events the user's own counters have counted.
func (l *look) inStep() float64 {
	if l.moment.Arms.Acts().Requests {
		return l.state.Errors.Step.Total
	}
	events := 0.0
	for i := range l.state.Pairs[:l.state.PairCount] {
		events += l.state.Pairs[i].Step.Total
	}
	return events
}

// what names what is counted.
func (l *look) what() string {
	if l.moment.Arms.Acts().Requests {
		return "requests"
	}
	return "events"
}

// inconclusive: time is up, with data and without proof. A step that is not the last has shown no harm and goes on; the next one
// shows more.
func (l *look) inconclusive() Decision {
	if !l.moment.Last {
		return Decision{Action: Advance, Reason: Inconclusive}
	}
	if left := l.settings.FinalWait - l.moment.InStep; left > 0 {
		return Decision{Action: Hold, Reason: Inconclusive, Left: left}
	}
	return Decision{Action: l.settings.OnInconclusive.action(), Reason: Inconclusive}
}

// held holds the rollout for its surroundings, until the limit of holds.
func (l *look) held(reason Reason, all *time.Duration, says string) Decision {
	*all = sum(*all, l.moment.Passed)
	return l.limited(reason, *all, ThenPause, says)
}

// limited holds the rollout for a time, then does something else.
func (l *look) limited(reason Reason, held time.Duration, then Then, says string) Decision {
	if left := l.settings.HoldLimit - held; left > 0 {
		return Decision{Action: Hold, Reason: reason, Left: left, Message: says}
	}
	return Decision{Action: then.action(), Reason: reason, Message: says}
}

// action is what a policy asks for when time is up. An unknown word pauses.
func (t Then) action() Action {
	switch t {
	case ThenPromote:
		return Advance
	case ThenRollBack:
		return RollBack
	}
	return Pause
}

// sum adds times without an overflow.
func sum(a, b time.Duration) time.Duration {
	return min(max(a, 0), longest) + min(max(b, 0), longest)
}
