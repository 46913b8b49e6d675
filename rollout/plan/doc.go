// Package plan is what one tick has decided: the next state, and the effects that follow from it as intents.
//
// An intent says what should be, not how it comes about. Nothing is decided here and nothing is written; the reconciler carries
// a plan out, and may do so again.
package plan
