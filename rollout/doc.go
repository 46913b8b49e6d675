// Package rollout decides what a rollout does next. From the policy, the state and what was observed it makes the plan of one
// tick: the next state and the effects. The package is pure, so tests play whole rollouts without a cluster or a clock.
//
// Methods look: they have value receivers and cannot act. Functions that take a *tick act, and have imperative names. A function
// that may have to wait returns whether it is done.
//
// # Phases
//
//	Initializing ─> Initialized, Succeeded, Failed    no rollout is open
//	                    │      │
//	                    │   Waiting ─> Failed         a candidate is held back and cannot start yet
//	                    │      │
//	                  Progressing <─────┐             step 0 makes the canary ready, then the steps follow
//	                    │      │        │
//	                    │   WaitingPromotion          the steps have passed; a hook must approve
//	                    │      │        │
//	                   Promoting ───────┘             the primary gets the candidate, or its previous template back
//	                       │
//	                   Finalising                     all requests go to the primary, the canary is deleted
//	                       │
//	     Succeeded, Failed, or Initialized without a verdict
//
// An interrupt takes every open phase to Finalising, with two exceptions. A deletion releases the Canary without that phase. A
// rollout whose group has failed may have to restore its primary first.
//
// # A tick
//
//  1. FactsOf makes the facts, which are never written again. Facts.Needs lists the queries and hook calls to make in the
//     background, and Facts.Answered adds their answers. Decide makes the plan.
//  2. begin notices what has happened: stamps ahead of the clock, answers of hooks, a changed template, a pause, a Freeze, the
//     progress of the group, requests of users.
//  3. The first interrupt that happens decides. Without one, the phase decides. Once no rollout is open, the next candidate may
//     start.
//  4. finish adds what follows: how requests are shared, the capacity, what the status shows, the objects beside the canary, the
//     conditions, and the calls of hooks.
//
// # Order
//
// Calls go down this list: first the files of this package, then the packages below it.
//
//   - decide, needs: the order of a tick
//   - dryrun, interrupts, direct: what takes precedence over the phase
//   - idle, enqueue, backoff, awaitcover, unavailable, held, progressing, starting, promoting, keepshare, givingway, returning, restoring, finalising, reset, optedout: the phases
//   - settle, protected, conditions, advice: what finish adds
//   - unserved, interrupted, pods, guarded, weight, group, gates, places, tell, verdict, guardstart, guardseen, guardpause, checks, limitshown, counting, share, hooks, requests, capacity: what a phase uses to continue or to wait
//   - control: what the canary is compared with if the policy asks for a control
//   - served, written, covered: whether the canary serves what it gets, runs the candidate, and has the policies of the primary
//   - waiting, outcome, frozen: deadlines and the settle time, the outcome of a rollout, Freezes
//   - around: what changes with the primary's template
//   - affinity, silent, split, cohorts: what routes state, and which gateways a clean-up awaits how long
//   - generated, grants: what is created beside the user's objects
//   - history, compared, clock: what outlives a rollout or a tick
//   - facts, policy, simulated: what a tick decides by
//   - guardstate, guardpairs, steps, tick: what all of them use
//   - target/: what a rollout acts on
//   - queue/: which candidates may start
//   - plan/: what a tick has decided
//   - events/: what users read
//   - cookies/: which cookies keep users at a version
//   - strategy/: which steps a rollout takes
//   - observed/: what a tick has read
package rollout
