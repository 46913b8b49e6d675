package events

import "time"

// Event is one thing that happened, told on the Canary and on the Deployment after it was written.
type Event struct {
	// Warning marks what somebody should look at.
	Warning bool
	// Reason is a word for machines, e.g. WeightAdvanced.
	Reason string
	// Message is a sentence for people.
	Message string
}

// ClockTime is a moment of the day, for people.
func ClockTime(at time.Time) string {
	return at.UTC().Format(time.TimeOnly)
}

// Who names the user of a request, and the reason where one was given.
func Who(user, reason string) string {
	if user == "" {
		user = "somebody"
	}
	if reason == "" {
		return user
	}
	return user + ": " + reason
}
