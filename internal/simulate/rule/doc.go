// Package rule has the rules by which other tools decide a rollout, and that of the built-in checks. They are emulators:
// they know every count at the second when it happens, which is kind to them. It is pure.
package rule
