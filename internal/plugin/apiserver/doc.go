// Package apiserver tests kubectl sluice against a real API server, and runs the commands of the documentation.
package apiserver
