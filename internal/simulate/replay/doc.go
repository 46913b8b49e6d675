// Package replay says what the guard would have done in a past rollout, from the counters that a metrics server has recorded of it. It
// is pure: recorded samples in, decisions out. The code that polls and decides is the controller's own.
//
// # What is replayed
//
// A Record takes the samples in the order of their times and polls them as the controller would have, as often as it would have.
// What a pod or a series counted before the rollout is known from the hour before.
//
// Nobody recorded the weights, so a step is what the shares of both versions say: the most likely sequence of weights, each of which
// lasts for a while. The weights are those of the policy, or usual ones.
//
// # What is not
//
// The recorded requests are those that the recorded weights brought. The guard would have gone on to the next step at other times,
// and the canary would have got other requests from then on. So a replay says when the guard would have ended each step, and
// whether it would have rolled back; a rollback is certain, because the evidence up to it does not depend on what follows.
package replay
