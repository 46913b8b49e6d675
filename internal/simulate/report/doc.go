// Package report writes the results of simulated rollouts: as tables in Markdown and CSV, as JSON, and as plots in SVG. It is pure:
// values in, text out, byte for byte the same on every machine.
package report
