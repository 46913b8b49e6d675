// Package events defines every event of a rollout: its reason for machines, its message for people, and whether it is a warning.
//
// Each function makes one event. The phases choose the events, and the reconciler sends them.
package events
