package guard

// observe updates all tests with a poll. It allocates nothing.
func (s *State) observe(settings *Settings, poll *Poll, m *Moment) {
	acts, weights, alpha := m.Arms.Acts(), s.weights(settings), s.alpha(settings)
	control := poll.control(settings.Fresh)
	failing := !s.Gate.keeps(settings.SLO)
	if m.within() {
		s.Polls = min(s.Polls+1, leastPolls)
	}
	s.observeErrors(settings, acts, weights, poll, m)
	for i := range s.Bounds[:s.BoundCount] {
		bound := &s.Bounds[i]
		at := poll.index(bound.Seconds)
		bound.observe(RatioTest{Rho: settings.Rho, Delta: bound.delta()}, acts, m, three{canary: poll.Canary.slower(at), control: control.slower(at)}, capOf(alpha, weights.bound))
	}
	if acts.Rate && s.Limit.known() {
		s.Limit.observe(settings.Limit, poll, m, capOf(alpha, weights.limit))
	}
	for i := range s.Pairs[:s.PairCount] {
		// The user's counters are asked for the canary and the primary only, also where there is a control.
		primary := poll.Primary.pair(i)
		arms := three{poll.Canary.pair(i), primary, primary}
		s.Pairs[i].observe(settings.Pairs[i], acts, arms, m, capOf(alpha, weights.pair))
	}
	s.observeRoute(acts, poll, m, failing, capOf(alpha, 1))
}

// three are the events of the arms: the canary, its control, and the primary, which is the control unless there is a baseline.
type three struct {
	canary, control, primary Pair
}

func (s *State) observeErrors(settings *Settings, acts Acts, weights weights, poll *Poll, m *Moment) {
	arms := three{poll.Canary.errors(), poll.control(settings.Fresh).errors(), poll.Primary.errors()}
	e, eta, alpha := &s.Errors, 1/s.Bursts.Harm, s.alpha(settings)
	e.Total, e.Control = plus(e.Total, arms.canary), plus(e.Control, arms.control)
	e.Likelihood.update(arms.canary, arms.control)
	if m.within() {
		e.Step = plus(e.Step, arms.canary)
		e.Acceptance.observe(RatioTest{Rho: acceptRho, Delta: settings.Delta}, arms, 1/s.Bursts.Health)
	}
	open := s.Gate.open(settings.SLO, arms.primary, m.SincePoll)
	if acts.Ratio {
		lr := RatioTest{Rho: settings.Rho, Delta: settings.Delta}.harm(arms.canary, arms.control)
		e.Ratio.update(&lr, eta, capOf(alpha, weights.errorRatio))
	}
	if acts.Rate && open {
		lr := RateTest{Rate: settings.SLO}.harm(arms.canary)
		e.Rate.update(&lr, eta, capOf(alpha, weights.errorRate))
	}
}

// observe takes the test of the step's acceptance through a poll.
func (a *Acceptance) observe(test RatioTest, arms three, eta float64) {
	lr := test.health(arms.canary, arms.control)
	a.update(&lr, eta)
}

func (b *BoundState) observe(test RatioTest, acts Acts, m *Moment, arms three, top float64) {
	b.Total, b.Control = plus(b.Total, arms.canary), plus(b.Control, arms.control)
	if m.within() {
		b.Step = plus(b.Step, arms.canary)
		b.Acceptance.observe(RatioTest{Rho: acceptRho}, arms, 1/b.Bursts.Health)
	}
	if acts.Ratio {
		lr := test.harm(arms.canary, arms.control)
		b.Ratio.update(&lr, 1/b.Bursts.Harm, top)
	}
}

// delta is what a canary may have above a multiple of the primary's share. Where hardly any of the primary's requests are slower than the
// bound, a multiple of their share says nothing.
func (b *BoundState) delta() float64 {
	if b.Before < rarest {
		return fewSlow
	}
	return 0
}

func (l *LimitState) observe(limit *Limit, poll *Poll, m *Moment, top float64) {
	above, below := poll.index(l.Above), poll.index(l.Below)
	canary := poll.Canary.slower(above)
	l.OverAbove, l.OverBelow = plus(l.OverAbove, canary), plus(l.OverBelow, poll.Canary.slower(below))
	if rate := 1 - limit.Quantile; l.Above > 0 && l.Gate.open(rate, poll.Primary.slower(above), m.SincePoll) {
		lr := RateTest{Rate: rate}.harm(canary)
		l.Rate.update(&lr, 1/l.Bursts.Harm, top)
	}
}

func (p *PairState) observe(settings PairSettings, acts Acts, arms three, m *Moment, top float64) {
	p.Total, p.Control = plus(p.Total, arms.canary), plus(p.Control, arms.control)
	if m.within() {
		p.Step = plus(p.Step, arms.canary)
		p.Acceptance.observe(RatioTest{Rho: max(acceptRho, settings.Rho), Delta: settings.Delta}, arms, 1/p.Bursts.Health)
	}
	open := settings.Rate > 0 && p.Gate.open(settings.Rate, arms.primary, m.SincePoll)
	if acts.Ratio && settings.Rho > 0 {
		lr := RatioTest{Rho: settings.Rho, Delta: settings.Delta}.harm(arms.canary, arms.control)
		p.Ratio.update(&lr, 1/p.Bursts.Harm, top)
	}
	if acts.Rate && open {
		lr := RateTest{Rate: settings.Rate}.harm(arms.canary)
		p.Rate.update(&lr, 1/p.Bursts.Harm, top)
	}
}

// observeRoute looks at all arms together. A canary that overloads what both share makes both fail, and compares well.
//
// It collects evidence only while the primary itself has failed of late, before this poll, and begins again each time: an outage that
// is over says nothing about the next.
func (s *State) observeRoute(acts Acts, poll *Poll, m *Moment, failing bool, top float64) {
	all := plus(poll.Primary.errors(), poll.Baseline.errors())
	if m.Arms.served() {
		all = plus(all, poll.Canary.errors())
	}
	if m.within() {
		s.StepRoute = plus(s.StepRoute, all)
	}
	if !failing {
		s.Route, s.Failing, s.Returned = NewMixture(), 0, false
		return
	}
	s.Failing = sum(s.Failing, m.SincePoll)
	if acts.Route {
		lr := RateTest{Rate: s.RouteRate}.harm(all)
		s.Route.update(&lr, 1/s.Bursts.Harm, top)
	}
}
