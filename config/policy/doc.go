// Package policy makes the policy that a rollout goes by: it merges what annotations and policies say above what is built in
// (Merge), judges each part and the whole (Validate, EffectiveOf), and parses the result into a config.Policy. PresentOf does all
// of that for one Deployment. It is pure: values in, values out.
package policy
