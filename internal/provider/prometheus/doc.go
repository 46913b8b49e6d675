// Package prometheus asks a Prometheus server the questions of package analysis.
package prometheus
