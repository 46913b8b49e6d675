// Package observed holds what one tick has read: the state of the rollout, the cluster around its Deployment, the answers that
// have arrived, and the other Canaries.
//
// Its functions answer questions about these values. They decide nothing and read nothing themselves.
package observed
