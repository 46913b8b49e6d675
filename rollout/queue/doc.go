// Package queue says which candidates may start while the number of open rollouts is limited: the oldest requests that no limit
// holds back.
//
// It compares what was observed of all Canaries. The queue is not stored anywhere.
package queue
