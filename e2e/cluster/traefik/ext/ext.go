// Package ext is what editions of Traefik add to its configuration, which is nothing here. Traefik's module needs this one
// and does not contain it.
package ext

// HTTP is added to the configuration of HTTP.
type HTTP struct{}

// Router is added to the configuration of a router.
type Router struct{}
