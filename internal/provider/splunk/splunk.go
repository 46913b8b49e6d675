// Package splunk asks Splunk Observability Cloud for the last value of a SignalFlow program. It makes one HTTP call of its own, whose answer is a
// stream of events that ends: the official client uses websockets with a dialer of its own, which cannot be kept from addresses that only nodes
// may call.
package splunk

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider/web"
)

// back is how many times the interval of a check a program covers, as in Flagger: the last value counts.
const back = 10

// Provider asks Splunk.
type Provider struct{ servers *web.Client }

// New returns a Provider.
func New(servers *web.Client) *Provider { return &Provider{servers} }

// Name is what messages call such servers.
func (*Provider) Name() string { return "Splunk" }

// Value runs the program over what is past and returns the last value: https://dev.splunk.com/observability/reference/api/signalflow/latest
func (p *Provider) Value(ctx context.Context, query analysis.Query) (float64, error) {
	server := *query.Server
	server.Address = streaming(server.Address)
	now := time.Now()
	asked := url.Values{"start": {strconv.FormatInt(now.Add(-back*query.Window).UnixMilli(), 10)}, "stop": {strconv.FormatInt(now.UnixMilli(), 10)}, "immediate": {"true"}}
	body, err := p.servers.Fetch(ctx, &server, web.Request{Method: http.MethodPost, URL: server.Address + "/v2/signalflow/execute?" + asked.Encode(), Body: []byte(query.Expression),
		Header: map[string]string{"Content-Type": "text/plain", "X-SF-TOKEN": server.Key(analysis.KeySplunk)}})
	if err != nil {
		return 0, err
	}
	return last(string(body))
}

// streaming is the address of the streams of a realm. Flagger's templates have that of its API.
func streaming(address string) string {
	return strings.Replace(strings.TrimSuffix(address, "/"), "://api.", "://stream.", 1)
}

// message is one event of the stream. Which fields it has depends on its kind.
type message struct {
	// Event is the kind of a control message.
	Event string `json:"event"`
	// Error, or Message with a Code, are why the program failed.
	Error   string          `json:"error"`
	Message string          `json:"message"`
	Code    json.RawMessage `json:"code"`
	// Data are the values of one time.
	Data []struct {
		Value json.RawMessage `json:"value"`
	} `json:"data"`
}

// failed reports whether the program has failed.
func (m message) failed() bool { return m.Event == "CHANNEL_ABORT" || m.Error != "" || len(m.Code) > 0 }

// value is the one value of a message with data; nil for none.
func (m message) value() (json.RawMessage, error) {
	switch {
	case len(m.Data) > 1:
		return nil, web.One(len(m.Data), "aggregate them, such as with .sum() or .mean()")
	case len(m.Data) == 1 && string(m.Data[0].Value) != "null":
		return m.Data[0].Value, nil
	}
	return nil, nil
}

// last reads the stream up to its end. A stream that breaks off has no value: its last one may be old.
func last(stream string) (float64, error) {
	var found json.RawMessage
	ended := false
	for event := range strings.SplitSeq(strings.ReplaceAll(stream, "\r\n", "\n"), "\n\n") {
		text := payload(event)
		if text == "" {
			continue
		}
		var m message
		if err := web.JSON([]byte(text), &m); err != nil {
			return 0, err
		}
		if m.failed() {
			return 0, errors.New("the server refuses the program: correct it: " + m.Error + " " + m.Message)
		}
		value, err := m.value()
		if err != nil {
			return 0, err
		}
		if value != nil {
			found = value
		}
		ended = ended || m.Event == "END_OF_CHANNEL"
	}
	if !ended {
		return 0, errors.New("the stream has no end: check provider.address, such as https://stream.us1.signalfx.com")
	}
	return web.Number(found)
}

// payload joins the data of an event, as server-sent events have it. A stream without such lines has none.
func payload(event string) string {
	var lines []string
	for line := range strings.SplitSeq(event, "\n") {
		if data, is := strings.CutPrefix(line, "data:"); is {
			lines = append(lines, data)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
