// Package strategy plans the steps of a rollout: which strategy a policy asks for, and which steps it takes, in order.
//
// It knows the policy and nothing else. Where a rollout stands in its steps is in its state.
package strategy
