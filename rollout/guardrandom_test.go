package rollout_test

import (
	"math/rand/v2"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// underGuard turns the guard on in a random story, beside the checks. A third of the canaries fail by what is counted. It returns
// the person who decides when the guard pauses.
func underGuard(s *story, chance *rand.Rand) (person func(*world, int)) {
	errors, early := []float64{.001, .006, .3}[chance.IntN(3)], chance.IntN(2) == 0
	inconclusive := config.AfterInconclusive[chance.IntN(len(config.AfterInconclusive))]
	suspicious := config.AfterSuspicion[chance.IntN(len(config.AfterSuspicion))]
	policy, prepare, controlled := s.policy, s.prepare, chance.IntN(2) == 0
	s.policy = func(p *config.Policy) {
		policy(p)
		p.Guard.Enabled, p.Guard.EarlyAdvance, p.Guard.OnInconclusive, p.Guard.OnSuspicious = true, early, inconclusive, suspicious
		p.Guard.Fresh = controlled && onlyWeights(p)
	}
	s.prepare = func(w *world) {
		prepare(w)
		countedBy(50, .001, errors)(w)
	}
	resumes := 0
	return func(w *world, _ int) {
		if controlled && chance.IntN(50) == 0 {
			disturbControl(w, chance)
		}
		paused := w.state.Paused
		if paused == nil || paused.Kind != v1alpha1.PauseGuard {
			return
		}
		candidate := w.state.Candidate
		if resumes++; resumes > 3 {
			aborting(candidate.Hash, candidate.Attempt)(w)
			return
		}
		w.tell("jane lets the guard go on")
		request := w.request(candidate.Hash, candidate.Attempt)
		w.spec.Resume = &request
	}
}

// onlyWeights reports whether a policy may have a control.
func onlyWeights(p *config.Policy) bool {
	if p.Iterations > 0 || len(p.Match) > 0 || p.Mirror || len(p.ExplicitSteps) > 0 || p.SessionAffinity != nil {
		return false
	}
	return len(p.StepWeights) == 0 || p.StepWeights[len(p.StepWeights)-1] <= config.MostFresh
}

// disturbControl does to a control what may happen to it.
func disturbControl(w *world, chance *rand.Rand) {
	switch c := &w.control; chance.IntN(4) {
	case 0:
		c.unready = !c.unready
		w.tell("the control's pods are not ready: %t", c.unready)
	case 1:
		c.refused = !c.refused
		w.tell("the control is refused: %t", c.refused)
	case 2:
		w.tell("the control is deleted")
		w.loseControl()
	default:
		w.tell("the control's Service is deleted")
		c.service, c.endpoints = nil, 0
	}
}
