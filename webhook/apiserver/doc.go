// Package apiserver tests the webhooks with kubectl against a real API server that calls them as the chart configures them.
package apiserver
