// Package answer describes the body of the sample application's answers: the application and the request that it got.
package answer

// Answer is the body of the sample application's answers.
type Answer struct {
	// Version and Pod identify the application that answered.
	Version string `json:"version"`
	Pod     string `json:"pod"`
	// Headers are request headers by lower-case name: cookie, and those that begin with x-.
	Headers map[string]string `json:"headers,omitempty"`
	// Cookies are the cookies of the request by name.
	Cookies map[string]string `json:"cookies,omitempty"`
	// Upstream is the answer of the application behind this one. Nil if there is none.
	Upstream *Answer `json:"upstream,omitempty"`
}

// Chain returns the versions that took part, from the first application to the last.
func (a *Answer) Chain() []string {
	var versions []string
	for ; a != nil; a = a.Upstream {
		versions = append(versions, a.Version)
	}
	return versions
}
