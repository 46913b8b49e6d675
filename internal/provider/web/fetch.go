package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
)

// quoted is how many bytes of a server's own words are in a message.
const quoted = 120

// Request is one request to a server.
type Request struct {
	// Method is GET if it is empty.
	Method string
	// URL is the whole URL.
	URL string
	// Header are the headers that this kind of server needs.
	Header map[string]string
	// Body is sent as it is.
	Body []byte
}

// Fetch sends a request and returns the whole answer. The error says what to change.
func (c *Client) Fetch(ctx context.Context, server *analysis.Server, asked Request) ([]byte, error) {
	client, err := c.To(server)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, asked.Method, asked.URL, bytes.NewReader(asked.Body))
	if err != nil {
		return nil, fmt.Errorf("provider.address and query make no URL: %w", err)
	}
	for name, value := range asked.Header {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("the answer breaks off: %w", err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, refusal(response, body)
	}
	return body, nil
}

// refusal says what a status means for whoever wrote the MetricTemplate.
func refusal(response *http.Response, body []byte) error {
	what := "the server refuses the query (%s): correct it: %s"
	switch {
	case response.StatusCode == http.StatusNotFound:
		what = "the server knows no such path (%s): check provider.address: %s"
	case response.StatusCode >= http.StatusInternalServerError:
		what = "the server fails (%s): look at the server: %s"
	case response.StatusCode < http.StatusBadRequest:
		what = "the server answers %s: check provider.address: %s"
	}
	return fmt.Errorf(what, status(response), words(body))
}

func status(response *http.Response) string {
	return fmt.Sprintf("%d %s", response.StatusCode, http.StatusText(response.StatusCode))
}

// words are the begin of what a server says, on one line.
func words(body []byte) string {
	text := strings.Join(strings.Fields(string(body)), " ")
	switch {
	case text == "":
		return "it says nothing else"
	case len(text) > quoted:
		return strings.ToValidUTF8(text[:quoted], "") + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// refusing turns the answers that mean the same everywhere into errors, for clients of vendors, too.
type refusing struct {
	server *analysis.Server
	next   http.RoundTripper
}

// RoundTrip looks at the status.
func (r refusing) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	var what string
	switch response.StatusCode {
	case http.StatusUnauthorized:
		what = "the server refuses the credentials (%s): correct the Secret in provider.secretRef: %s"
		if len(r.server.Credentials) == 0 {
			what = "the server wants credentials (%s): name a Secret in provider.secretRef: %s"
		}
	case http.StatusForbidden:
		what = "the credentials do not suffice (%s): allow them to read metrics: %s"
	case http.StatusTooManyRequests:
		what = "the server limits requests (%s): set a longer interval: %s"
	default:
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(response.Body, quoted+1))
	return nil, fmt.Errorf(what, status(response), words(body))
}

// JSON reads an answer that is one JSON text.
func JSON(body []byte, into any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return fmt.Errorf("the server's answer is empty: check provider.address")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the answer is not what this kind of server sends (%w): check provider.type and provider.address: %s", err, words(body))
	}
	return nil
}

// Number reads the number that an answer has. Null is no data. Anything else is no number, also a text that looks like one.
func Number(raw json.RawMessage) (float64, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return 0, provider.ErrNoData
	}
	var value float64
	if err := json.Unmarshal(raw, &value); err != nil {
		return 0, fmt.Errorf("the answer has %s where a number is expected: change the query so that it returns a number", words(raw))
	}
	return value, nil
}

// One is the error of an answer with several results.
func One(results int, advice string) error {
	return fmt.Errorf("the query returns %d results; one is expected: %s", results, advice)
}

// Last is the value of the last point that has one: a point is a value and a time, and value is the place of the former. The last point is
// empty while its data is on the way.
func Last(points [][]json.RawMessage, value int) (float64, error) {
	for i := len(points) - 1; i >= 0; i-- {
		if len(points[i]) != 2 {
			return 0, errors.New("the answer has a point that is not a value and a time: check provider.address")
		}
		found, err := Number(points[i][value])
		if !errors.Is(err, provider.ErrNoData) {
			return found, err
		}
	}
	return 0, provider.ErrNoData
}
