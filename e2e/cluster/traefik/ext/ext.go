// Package ext is an extension point of Traefik's configuration, and is empty here. Traefik's module requires it and does not
// contain it.
package ext

// HTTP is added to the configuration of HTTP.
type HTTP struct{}

// Router is added to the configuration of a router.
type Router struct{}
