// Package rollout decides: from a policy, a state and what was observed it makes the plan of one tick. It is pure, so
// that whole rollouts run in tests without a cluster or a clock.
//
// A tick has three parts. FactsOf makes the facts, which are never written again; Facts.Needs asks for what is read in the
// background, and Facts.Answered adds it. Decide makes the plan: begin notices what has happened, the first interrupt that
// happens or else the phase decides, and finish adds what follows from that.
//
// Methods look: they have value receivers and cannot act. Functions that take a *tick act, and have imperative names. One that
// may have to wait returns whether it is done.
//
// # Order
//
// Calls run down this list:
//
//   - decide: a tick
//   - dryrun, interrupts: what comes before the phase
//   - idle, starting, progressing, promoting, returning, restoring, finalising: the phases
//   - reset, direct: what users do past the phases
//   - settle, event_order, conditions, advice: what finish adds
//   - waiting, frozen: deadlines, the settle time and Freezes
//   - group, gates, checks, hooks, requests, capacity: what phases ask before they go on
//   - affinity, split, cohorts: what routes state
//   - history, clock, queue: what outlives a rollout or a tick
//   - needs, facts, policy: what a tick decides by
//   - discover, features, objects, generated_awaited, generated, grants, backends: what a rollout acts on
//   - peers: the other Canaries
//   - tick, plan, steps, events, strategy, observation: the words of all of them
package rollout
