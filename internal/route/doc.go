// Package route shares requests between a primary and its canary in the rules of HTTPRoutes and GRPCRoutes of the Gateway
// API. It is pure: values in, values out.
package route
