// Package config has the words in which a rollout is set: the keys of all annotations and labels, the registry that says what each
// annotation means, and Policy, the value that a rollout goes by. Package config/policy makes that value, and package
// config/process is how the controller itself is set. All three are pure: values in, values out.
package config
