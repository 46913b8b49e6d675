// Package provider asks servers of metrics the questions of package analysis. Each kind of server is a package below this one
// that implements Provider, and a row of the controller's Table.
package provider
