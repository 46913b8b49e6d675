// Package goals plays the rollouts that the guard has to be good at, and compares it with Flagger's rule and with the built-in
// checks. It is pure.
package goals
