// Package process is how the controller itself is set: the content of its configuration file, which its flags override, and what
// is wrong with it. It is pure: values in, values out.
package process
