// Package presets holds, as data, which series of which gateway, mesh or app count the requests to each version of a workload. Each
// file in files is one preset, with the source of the names in it, what it needs, and what it cannot see. The package knows nothing of
// queries.
package presets
