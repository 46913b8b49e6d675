// Package room is a room of the house.
package room

// Light is called from above.
func Light() int { return dark() }
