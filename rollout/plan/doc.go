// Package plan holds what one tick has decided: the next state, and the effects that follow from it as intents.
//
// An intent says what should be, not how to get there. This package decides nothing and writes nothing. The reconciler carries
// out a plan, and may do so more than once.
package plan
