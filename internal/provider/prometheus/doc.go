// Package prometheus runs the queries of package analysis on a Prometheus server.
package prometheus
