// Package events has every event of a rollout: its reason for machines, its sentence for people, and whether it is a warning.
//
// Each function makes one event. The phases decide which, and the reconciler sends them; nothing is sent from here.
package events
