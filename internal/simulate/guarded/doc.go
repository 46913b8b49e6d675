// Package guarded lets the production guard decide simulated rollouts: the same functions that the controller calls, with scrapes of
// simulated counters and seconds of a simulated clock. It is pure.
package guarded
