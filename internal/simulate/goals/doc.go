// Package goals plays the rollouts that the guard has to be good at, and compares it with Flagger's rule and with the rule that Sluice
// had before. It is pure.
package goals
