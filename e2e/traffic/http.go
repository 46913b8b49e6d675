package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"sluice.dev/sluice/e2e/sample/answer"
)

// httpClient calls the targets in turn, on behalf of the users in turn.
type httpClient struct {
	options Options
	targets []Target
	users   []*user
	client  *http.Client
}

func newHTTPClient(options Options, transport http.RoundTripper) *httpClient {
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	return &httpClient{options: options, targets: options.targets(), users: newUsers(options.Users), client: &http.Client{
		Transport: transport, Timeout: options.Timeout,
		// A redirect is an answer to count. To follow it would be a second request, possibly to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (c *httpClient) ask(ctx context.Context, number int) Answer {
	target := c.targets[number%len(c.targets)]
	a := Answer{URL: target.URL, Host: target.Host}
	var u *user
	if len(c.users) > 0 {
		a.User = 1 + number/len(c.targets)%len(c.users)
		u = c.users[a.User-1]
		u.waits <- struct{}{}
		defer func() { <-u.waits }()
	}
	a.Sent = time.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.URL, nil)
	if err != nil {
		a.Err = err.Error()
		return a
	}
	request.Host = target.Host
	for _, header := range []http.Header{c.options.Header, target.Header} {
		for key, values := range header {
			request.Header[key] = values
		}
	}
	if u != nil {
		u.addCookies(request)
	}
	response, err := c.client.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		a.Err = err.Error()
		return a
	}
	if u != nil {
		u.takeCookies(request, response)
	}
	c.read(response, &a)
	return a
}

// read reads from a response what the options ask for.
func (c *httpClient) read(response *http.Response, a *Answer) {
	a.Status, a.Version = response.StatusCode, response.Header.Get(VersionHeader)
	for _, name := range c.options.Keep {
		if values := response.Header.Values(name); len(values) > 0 {
			if a.Header == nil {
				a.Header = http.Header{}
			}
			a.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	var content []byte
	var err error
	if c.options.Body {
		content, err = io.ReadAll(response.Body)
	} else {
		_, err = io.Copy(io.Discard, response.Body)
	}
	if err = errors.Join(err, response.Body.Close()); err != nil {
		a.Err = fmt.Sprintf("read the body: %s", err)
	}
	a.Body = bodyOf(content)
}

// bodyOf returns nil if the body is not the sample application's.
func bodyOf(content []byte) *answer.Answer {
	var said answer.Answer
	if json.Unmarshal(content, &said) != nil || said.Version == "" {
		return nil
	}
	return &said
}
