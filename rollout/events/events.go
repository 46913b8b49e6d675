package events

import "time"

// Event is one thing that happened. It is recorded on the Canary and on the Deployment after the plan was written.
type Event struct {
	// Warning marks an event that somebody should look at.
	Warning bool
	// Reason is a word for machines, such as WeightAdvanced.
	Reason string
	// Message is a sentence for people.
	Message string
}

// ClockTime formats a time of day for people.
func ClockTime(at time.Time) string {
	return at.UTC().Format(time.TimeOnly)
}

// Who names the user of a request and, if one was given, the reason.
func Who(user, reason string) string {
	if user == "" {
		user = "somebody"
	}
	if reason == "" {
		return user
	}
	return user + ": " + reason
}
