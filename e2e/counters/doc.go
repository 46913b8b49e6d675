// Package counters tests that what is counted with a real Prometheus is what pods really answered.
package counters
