package traffic

import (
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
)

// user keeps cookies as a browser does: by host and path, until they expire.
type user struct {
	// waits is full while the user waits for an answer. With two first requests at once a user could get the cookies of two versions.
	waits chan struct{}
	jar   *cookiejar.Jar
}

func newUsers(count int) []*user {
	users := make([]*user, count)
	for i := range users {
		// Without a list of public suffixes it cannot fail.
		jar, _ := cookiejar.New(nil)
		users[i] = &user{jar: jar, waits: make(chan struct{}, 1)}
	}
	return users
}

// locationOf returns the URL to which a browser would have sent the request: with the Host header, not the gateway's address.
func locationOf(request *http.Request) *url.URL {
	location := *request.URL
	if request.Host != "" {
		location.Host = request.Host
	}
	return &location
}

func (u *user) addCookies(request *http.Request) {
	for _, cookie := range u.jar.Cookies(locationOf(request)) {
		request.AddCookie(cookie)
	}
}

func (u *user) takeCookies(request *http.Request, response *http.Response) {
	u.jar.SetCookies(locationOf(request), response.Cookies())
}

// Cookies returns the cookies that a user, from 1, would send now with a request to a URL such as http://shop.example.com/cart.
// None if there is no such user.
func (r *Run) Cookies(user int, location string) []*http.Cookie {
	parsed, err := url.Parse(location)
	if err != nil || user < 1 || user > len(r.users) {
		return nil
	}
	return r.users[user-1].jar.Cookies(parsed)
}

// Users returns the users who have got answers, in order.
func (r Report) Users() []int {
	seen := map[int]bool{}
	for _, a := range r.Answers {
		if a.User != 0 {
			seen[a.User] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// By keeps the answers to one user.
func (r Report) By(user int) Report {
	return r.Where(func(a Answer) bool { return a.User == user })
}

// Strayed keeps the answers of other versions to users who had an answer of this version before they sent the request. It is
// empty if every user who reached the version has stayed on it. Answers without a version do not count.
func (r Report) Strayed(version string) Report {
	on := map[int]Answer{}
	for _, a := range r.Of(version).Answers {
		if first, known := on[a.User]; a.User != 0 && (!known || a.Done.Before(first.Done)) {
			on[a.User] = a
		}
	}
	return r.Where(func(a Answer) bool {
		first, known := on[a.User]
		return known && a.Version != "" && a.Version != version && a.Sent.After(first.Done)
	})
}

// Saw returns what the application saw in a header of the request, by its name in any case. Empty if there was none or the body
// was not kept.
func (a Answer) Saw(header string) string {
	if a.Body == nil {
		return ""
	}
	return a.Body.Headers[strings.ToLower(header)]
}

// Chains counts the answers by the versions that took part, such as "v2 > v2" for an application and the one behind it.
func (r Report) Chains() map[string]int {
	counts := map[string]int{}
	for _, a := range r.Answers {
		if a.Body != nil {
			counts[strings.Join(a.Body.Chain(), " > ")]++
		}
	}
	return counts
}
