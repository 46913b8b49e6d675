// Package analysis judges a canary: it says what to ask of the metrics and what the answers mean. It is pure: numbers in,
// verdicts out.
package analysis
