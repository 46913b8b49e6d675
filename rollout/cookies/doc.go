// Package cookies makes the cookies that keep users at one version, and those that take them back.
//
// It defines the cookies. Package rollout decides which route sets them, and when.
package cookies
