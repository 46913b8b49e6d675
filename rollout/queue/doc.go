// Package queue says which candidates may start while the number of open rollouts is limited: the first that was asked for and
// that no limit keeps.
//
// It compares what was observed of all Canaries, and keeps no queue of its own.
package queue
