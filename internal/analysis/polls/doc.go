// Package polls makes what the guard reads of what a metrics server has answered. It is pure: samples and increments in, polls and
// histories out.
package polls
