// Package answer is what the sample application says about itself and about the request that it got.
package answer

// Answer is the body of the sample application's answers.
type Answer struct {
	// Version and Pod that answered.
	Version string `json:"version"`
	Pod     string `json:"pod"`
	// Headers that the request had, by their names in lower case: those that begin with x-, and cookie.
	Headers map[string]string `json:"headers,omitempty"`
	// Cookies of the request by their names.
	Cookies map[string]string `json:"cookies,omitempty"`
	// Upstream is what the application behind this one answered; nil when there is none.
	Upstream *Answer `json:"upstream,omitempty"`
}

// Chain is the versions that took part, from the first application to the last.
func (a *Answer) Chain() []string {
	var versions []string
	for ; a != nil; a = a.Upstream {
		versions = append(versions, a.Version)
	}
	return versions
}
