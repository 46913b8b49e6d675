// Package coverage says which objects of a cluster apply to a primary and would miss its canary: policies and monitors that
// select pods by their labels, or Services by their names or labels. The canary's pods and its Service differ in both.
//
// Read keeps of an object only what it selects by. Missed compares a primary with its canary. The package reads nothing itself.
package coverage
