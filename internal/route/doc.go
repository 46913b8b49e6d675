// Package route knows how HTTPRoutes and GRPCRoutes of the Gateway API share requests between a primary and its canary. It
// is pure: values in, values out.
package route
