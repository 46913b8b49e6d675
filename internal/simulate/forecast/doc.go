// Package forecast says what a rollout of an app is expected to be like, before there is one: it plays rollouts of the app's policy on
// simulated traffic that is like the traffic of its last hour, and the same with other settings. The guard that decides them is the
// production code, and it starts with the app's own hour. It is pure: a seed gives the same numbers on every machine.
package forecast
