// Package analysis judges a canary: it builds the queries for metrics servers and turns their answers into verdicts. It is
// pure: numbers in, verdicts out.
package analysis
