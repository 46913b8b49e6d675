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
	policy, prepare := s.policy, s.prepare
	s.policy = func(p *config.Policy) {
		policy(p)
		p.Guard.Enabled, p.Guard.EarlyAdvance, p.Guard.OnInconclusive, p.Guard.OnSuspicious = true, early, inconclusive, suspicious
	}
	s.prepare = func(w *world) {
		prepare(w)
		countedBy(50, .001, errors)(w)
	}
	resumes := 0
	return func(w *world, _ int) {
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
