// Package strategy plans the steps of a rollout: which strategy a policy asks for, and which steps it takes, in order.
//
// It knows only the policy. The state of a rollout says which step it has reached.
package strategy
