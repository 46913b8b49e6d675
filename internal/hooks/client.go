// Package hooks calls hooks over HTTP.
package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"k8s.io/utils/ptr"

	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

const (
	// firstPause is the pause before the first retry. Each further pause doubles, up to longestPause.
	firstPause   = time.Second
	longestPause = 30 * time.Second
	// longestMessage is how many bytes of an answer are shown.
	longestMessage = 1024
	mostRedirects  = 10
)

// Client calls hooks.
type Client struct {
	verifying, insecure *http.Client
	places              *places
	// pause returns how long to wait before an attempt, counted from 1.
	pause func(attempt int) time.Duration
}

// New returns a Client that calls hooks where the rules allow it.
func New(rules outbound.Rules) *Client {
	return newClient(outbound.Transport(rules, false), outbound.Transport(rules, true))
}

func newClient(verifying, insecure http.RoundTripper) *Client {
	return &Client{
		verifying: &http.Client{Transport: verifying, CheckRedirect: redirect},
		insecure:  &http.Client{Transport: insecure, CheckRedirect: redirect},
		places:    newPlaces(),
		pause:     pauseBefore,
	}
}

// pauseBefore returns the pause before a retry, counted from 1.
func pauseBefore(attempt int) time.Duration {
	return min(longestPause, firstPause<<min(attempt-1, 10))
}

// redirect follows redirects that keep the request and the host. Any other redirect, such as to a login page, counts as a
// refusal.
func redirect(request *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) >= mostRedirects || request.Method != first.Method || request.URL.Host != first.URL.Host || request.URL.Scheme != first.URL.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

// Call calls a hook. If there is no answer or a 5xx, it retries after a pause, as often as the hook allows. It stops when the
// context ends.
func (c *Client) Call(ctx context.Context, call plan.HookCall) observed.HookAnswer {
	answer := observed.HookAnswer{Name: call.Hook.Name}
	for attempt := 0; ; attempt++ {
		again := false
		answer.Yes, answer.Message, again = c.attempt(ctx, call)
		if !again || attempt >= int(ptr.Deref(call.Hook.Retries, 0)) || !sleep(ctx, c.pause(attempt+1)) {
			return answer
		}
	}
}

// sleep waits and reports whether the context is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// attempt calls the hook once. again means that a retry makes sense. The time that it waits for a place is not that of the hook.
func (c *Client) attempt(ctx context.Context, call plan.HookCall) (yes bool, message string, again bool) {
	giveBack, err := c.places.take(ctx, call.Payload.Namespace)
	if err != nil {
		return false, clean(err.Error()), false
	}
	defer giveBack()
	body, err := json.Marshal(call.Payload)
	if err != nil {
		return false, clean(err.Error()), false
	}
	hook, timeout := call.Hook, call.Hook.Timeout.Duration
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(body))
	if err != nil {
		return false, "the URL cannot be read", false
	}
	request.Header.Set("Content-Type", "application/json")
	client := c.verifying
	if ptr.Deref(hook.DisableTLS, false) {
		client = c.insecure
	}
	response, err := client.Do(request)
	if err != nil {
		return false, unreached(ctx, err, timeout), true
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return true, "", false
	}
	said, _ := io.ReadAll(io.LimitReader(response.Body, longestMessage))
	return false, clean(strings.TrimSpace(response.Status + " " + string(said))), response.StatusCode >= 500
}

// unreached says why there was no answer. It leaves out the URL, which may contain credentials.
func unreached(ctx context.Context, err error, timeout time.Duration) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", timeout)
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return clean(err.Error())
}

// clean turns a text into one line without control characters, and cuts it.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longestMessage {
		text = strings.ToValidUTF8(text[:longestMessage-len("…")], "") + "…"
	}
	return text
}
