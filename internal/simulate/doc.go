// Package simulate plays rollouts under different rules on the same traffic, and counts how they end: how often a healthy version is
// rolled back, how often a bad one is promoted, how many requests fail meanwhile and how long it takes. It is pure: a seed gives the
// same bytes on every machine.
package simulate
