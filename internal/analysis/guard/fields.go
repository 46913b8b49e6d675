package guard

import (
	"math"
	"slices"
)

// kinds are the arms as numbers. New ones are added at the end.
var kinds = []Arms{"", ArmsSplit, ArmsSticky, ArmsMatched, ArmsTesters, ArmsMirrored, ArmsTests, ArmsAll, ArmsNone, ArmsWork}

func (w *wire) state(s *State) {
	w.number(&s.Restarts, math.MaxInt32)
	w.acts(&s.Planned)
	w.number(&s.Step, math.MaxInt32)
	w.arms(&s.Arms)
	w.number(&s.Polls, leastPolls)
	w.bursts(&s.Bursts)
	w.errors(&s.Errors)
	w.flags(&s.Latencies, &s.Learning)
	w.number(&s.BoundCount, MaxBounds)
	for i := range s.Bounds[:min(s.BoundCount, MaxBounds)] {
		w.bound(&s.Bounds[i])
	}
	w.limit(&s.Limit)
	w.number(&s.PairCount, MaxPairs)
	for i := range s.Pairs[:min(s.PairCount, MaxPairs)] {
		w.pair(&s.Pairs[i])
	}
	w.mixture(&s.Route)
	w.double(&s.RouteRate, 1e-6, loosest)
	w.duration(&s.Failing)
	w.flags(&s.Returned)
	w.events(&s.StepRoute)
	w.gate(&s.Gate)
	w.duration(&s.Suspected)
	w.duration(&s.Surroundings)
	w.number(&s.Returns, mostReturns+1)
}

func (w *wire) acts(a *Acts) { w.flags(&a.Ratio, &a.Rate, &a.Missing, &a.Route, &a.Requests) }

// flags are stored as the bits of a number.
func (w *wire) flags(all ...*bool) {
	flags := 0
	for i, flag := range all {
		flags |= int(count(*flag)) << i
	}
	w.number(&flags, 1<<len(all)-1)
	for i, flag := range all {
		*flag = flags>>i&1 == 1
	}
}

func (w *wire) arms(a *Arms) {
	kind := max(slices.Index(kinds, *a), 0)
	w.number(&kind, len(kinds)-1)
	*a = kinds[kind]
}

func (w *wire) mixture(m *Mixture) {
	w.evidence(&m.Reserve)
	for j := range m.Alternatives {
		w.evidence(&m.Alternatives[j])
	}
}

func (w *wire) bursts(b *Bursts) {
	w.single(&b.Harm, 1, mostBursts)
	w.single(&b.Health, 1, mostBursts)
}

func (w *wire) acceptance(a *Acceptance) {
	for j := range a {
		w.evidence(&a[j])
	}
}

// gate is stored as singles: it forgets, so their errors do not add up.
func (w *wire) gate(g *Gate) {
	w.single(&g.Recent.Total, 0, mostInSum)
	w.single(&g.Recent.Bad, 0, mostInSum)
	w.single(&g.Past.Total, 0, mostInSum)
	w.single(&g.Past.Bad, 0, mostInSum)
	w.single(&g.Clean, 0, mostInSum)
}

func (w *wire) errors(e *ErrorState) {
	w.mixture(&e.Ratio)
	w.mixture(&e.Rate)
	w.acceptance(&e.Acceptance)
	w.events(&e.Total)
	w.events(&e.Control)
	w.events(&e.Step)
	for i := range e.Likelihood {
		w.single(&e.Likelihood[i], -most, most)
	}
}

func (w *wire) bound(b *BoundState) {
	w.double(&b.Seconds, math.SmallestNonzeroFloat64, math.MaxFloat64)
	w.single(&b.Before, 0, 1)
	w.bursts(&b.Bursts)
	w.mixture(&b.Ratio)
	w.acceptance(&b.Acceptance)
	w.events(&b.Total)
	w.events(&b.Control)
	w.events(&b.Step)
}

func (w *wire) limit(l *LimitState) {
	w.double(&l.Above, 0, math.MaxFloat64)
	w.double(&l.Below, 0, math.MaxFloat64)
	if !l.known() {
		return
	}
	w.bursts(&l.Bursts)
	w.mixture(&l.Rate)
	w.events(&l.OverAbove)
	w.events(&l.OverBelow)
	w.gate(&l.Gate)
}

func (w *wire) pair(p *PairState) {
	name := uint64(p.Name)
	w.wide(&name, math.MaxUint32)
	p.Name = uint32(name)
	w.bursts(&p.Bursts)
	w.mixture(&p.Ratio)
	w.mixture(&p.Rate)
	w.acceptance(&p.Acceptance)
	w.events(&p.Total)
	w.events(&p.Control)
	w.events(&p.Step)
	w.gate(&p.Gate)
}
