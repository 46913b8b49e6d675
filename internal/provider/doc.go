// Package provider runs the queries of package analysis on metrics servers. Each kind of server has a package below this one
// that implements Provider, and a row in the controller's Table.
package provider
