// Package splitbrain holds the tests of two controllers that reconcile the same objects at once, as when leader election fails.
package splitbrain
