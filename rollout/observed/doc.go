// Package observed is what one tick has read: the state of the rollout, the cluster around its Deployment, the answers that
// have come, and the other Canaries.
//
// Its functions look at what was read and say what it shows. They decide nothing, and they never read by themselves.
package observed
