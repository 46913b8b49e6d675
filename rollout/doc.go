// Package rollout decides: from a policy, a state and what was observed it makes the plan of one tick. It is pure, so
// that whole rollouts run in tests without a cluster or a clock.
//
// Methods look: they have value receivers and cannot act. Functions that take a *tick act, and have imperative names. One that
// may have to wait returns whether it is done.
//
// # Phases
//
//	Initializing ─> Initialized, Succeeded, Failed    no rollout is open
//	                    │      │
//	                    │   Waiting ─> Failed         a candidate is held back and cannot begin yet
//	                    │      │
//	                  Progressing <─────┐             step 0 makes the canary ready, then step after step
//	                    │      │        │
//	                    │   WaitingPromotion          the steps have passed; a hook has to confirm
//	                    │      │        │
//	                   Promoting ───────┘             the primary gets the candidate, or its previous template back
//	                       │
//	                   Finalising                     all requests go to the primary, the canary goes
//	                       │
//	     Succeeded, Failed, or Initialized without a verdict
//
// An interrupt takes every open phase to Finalising, except a deletion, which lets go of the Canary at once, and a group that has
// failed, whose primary may have to be restored first.
//
// # A tick
//
//  1. FactsOf makes the facts, which are never written again. Facts.Needs asks for what is read in the background, and
//     Facts.Answered adds it. Decide makes the plan.
//  2. begin notices what has happened: stamps ahead of the clock, answers of hooks, a changed template, a pause, a Freeze, the
//     group, requests of users.
//  3. The first interrupt that happens decides, or else the phase. Once no rollout is open the next candidate may begin.
//  4. finish adds what follows: how requests are shared, the capacity, what the status shows, what is made for other objects,
//     the conditions, and what hooks are told.
//
// # Order
//
// Calls run down this list, through the files of this package and then through its rooms:
//
//   - decide, needs: a tick
//   - dryrun, interrupts, direct: what comes before the phase
//   - idle, enqueue, held, progressing, starting, promoting, returning, restoring, finalising, reset: the phases
//   - settle, conditions, advice: what finish adds
//   - weight, group, gates, tell, checks, hooks, requests, capacity: what phases ask before they go on
//   - waiting, outcome, frozen: deadlines and the settle time, the end of a rollout, Freezes
//   - affinity, split, cohorts: what routes state
//   - generated, grants: what is made beside the user's objects
//   - history, clock: what outlives a rollout or a tick
//   - facts, policy, simulated: what a tick decides by
//   - steps, tick: the words of all of them
//   - target/: what a rollout acts on
//   - queue/: which candidates may start
//   - plan/: what a tick has decided
//   - events/: what users are told
//   - cookies/: what keeps users at a version
//   - strategy/: which steps a rollout takes
//   - observed/: what a tick has read
package rollout
