// Package rule has the rules by which other tools decide a rollout, and the rule that Sluice had before its guard. They are emulators:
// they know every count at the second when it happens, which is kind to them. It is pure.
package rule
