package hooks

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// enough is time for an answer.
var enough = &metav1.Duration{Duration: 10 * time.Second}

// quickClient may also call servers of a test, which have loopback addresses.
func quickClient() *Client {
	insecure := http.DefaultTransport.(*http.Transport).Clone()
	insecure.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	c := newClient(http.DefaultTransport, insecure)
	c.pause = func(int) time.Duration { return time.Millisecond }
	return c
}

// serve answers the attempts with these functions in turn. The last one answers all further attempts.
func serve(t *testing.T, answers ...http.HandlerFunc) (url string, attempts *atomic.Int32) {
	attempts = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers[min(int(attempts.Add(1)), len(answers))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, attempts
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func TestAnswers(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		connection, _, _ := http.NewResponseController(w).Hijack()
		_ = connection.Close()
	}
	elsewhere := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://localhost:1/other", http.StatusTemporaryRedirect)
	}
	login := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }
	moved := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/there", http.StatusPermanentRedirect)
	}
	for name, c := range map[string]struct {
		hook     v1alpha1.Webhook
		answers  []http.HandlerFunc
		yes      bool
		message  string
		attempts int32
	}{
		"200 is a yes":              {answers: []http.HandlerFunc{status(200, "ok")}, yes: true, attempts: 1},
		"204 is a yes":              {answers: []http.HandlerFunc{status(204, "")}, yes: true, attempts: 1},
		"403 is a no":               {answers: []http.HandlerFunc{status(403, "gate is\nclosed\x1b[31m\x00")}, message: "403 Forbidden gate is closed [31m", attempts: 1},
		"403 is not tried again":    {hook: v1alpha1.Webhook{Retries: ptr.To(int32(3))}, answers: []http.HandlerFunc{status(403, "")}, message: "403 Forbidden", attempts: 1},
		"500 without retries":       {answers: []http.HandlerFunc{status(500, "test failed")}, message: "500 Internal Server Error test failed", attempts: 1},
		"500 is tried again":        {hook: v1alpha1.Webhook{Retries: ptr.To(int32(3))}, answers: []http.HandlerFunc{status(500, ""), status(503, ""), status(200, "")}, yes: true, attempts: 3},
		"500 as often as is said":   {hook: v1alpha1.Webhook{Retries: ptr.To(int32(2))}, answers: []http.HandlerFunc{status(500, "bats: 1 failed")}, message: "500 Internal Server Error bats: 1 failed", attempts: 3},
		"no answer is tried again":  {hook: v1alpha1.Webhook{Retries: ptr.To(int32(1))}, answers: []http.HandlerFunc{cut, status(200, "")}, yes: true, attempts: 2},
		"no answer in time":         {hook: v1alpha1.Webhook{Timeout: &metav1.Duration{Duration: 50 * time.Millisecond}}, answers: []http.HandlerFunc{hang}, message: "no answer within 50ms", attempts: 1},
		"another host is a no":      {answers: []http.HandlerFunc{elsewhere}, message: "307 Temporary Redirect", attempts: 1},
		"a page to log in is a no":  {answers: []http.HandlerFunc{login, status(200, "")}, message: "302 Found", attempts: 1},
		"the same host is followed": {answers: []http.HandlerFunc{moved, status(200, "")}, yes: true, attempts: 2},
		"long texts are cut":        {answers: []http.HandlerFunc{status(403, strings.Repeat("x", 5000))}, message: "403 Forbidden " + strings.Repeat("x", 1024-len("403 Forbidden …")) + "…", attempts: 1},
	} {
		t.Run(name, func(t *testing.T) {
			url, attempts := serve(t, c.answers...)
			c.hook.Name, c.hook.URL = "hook", url
			if c.hook.Timeout == nil {
				c.hook.Timeout = enough
			}
			got := quickClient().Call(t.Context(), plan.HookCall{Hook: c.hook})
			if diff := cmp.Diff(observed.HookAnswer{Name: "hook", Yes: c.yes, Message: c.message}, got); diff != "" {
				t.Error(diff)
			}
			if attempts.Load() != c.attempts {
				t.Errorf("%d attempts, not %d", attempts.Load(), c.attempts)
			}
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	var body map[string]any
	url, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %s with %v", r.Method, r.Header)
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
	})
	quickClient().Call(t.Context(), plan.HookCall{Hook: v1alpha1.Webhook{Timeout: enough, URL: url}, Payload: plan.HookPayload{
		Name: "podinfo", Namespace: "test", Phase: v1alpha1.PhaseProgressing, Checksum: "85d557f47b", Metadata: map[string]string{"k": "v"},
	}})
	want := map[string]any{"name": "podinfo", "namespace": "test", "phase": "Progressing", "checksum": "85d557f47b", "metadata": map[string]any{"k": "v"}}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
}

func TestHooksAreNotInTheControllersPod(t *testing.T) {
	url, attempts := serve(t, status(200, ""))
	for _, disabled := range []bool{false, true} {
		answer := New(outbound.Rules{}).Call(t.Context(), plan.HookCall{Hook: v1alpha1.Webhook{Timeout: enough, URL: url, DisableTLS: &disabled}})
		if answer.Yes || answer.Message != "the address 127.0.0.1 is the controller's own pod, which only the pod itself may call: name a Service or another host" {
			t.Errorf("got %+v", answer)
		}
	}
	if attempts.Load() != 0 {
		t.Error("it was asked all the same")
	}
}

func TestNoCredentialsAreTold(t *testing.T) {
	for _, url := range []string{"http://jane:secret@127.0.0.1:1/?token=secret", "http://jane:secret@169.254.169.254/?token=secret", "http://jane:secret@[::1/"} {
		answer := New(outbound.Rules{}).Call(t.Context(), plan.HookCall{Hook: v1alpha1.Webhook{Timeout: enough, URL: url}})
		if answer.Yes || answer.Message == "" || strings.Contains(answer.Message, "secret") {
			t.Errorf("got %+v", answer)
		}
	}
}

func TestCertificatesAreVerifiedUnlessTheHookSaysOtherwise(t *testing.T) {
	s := httptest.NewTLSServer(status(200, ""))
	defer s.Close()
	for _, disabled := range []bool{false, true} {
		answer := quickClient().Call(t.Context(), plan.HookCall{Hook: v1alpha1.Webhook{Timeout: enough, URL: s.URL, DisableTLS: &disabled}})
		if answer.Yes != disabled {
			t.Errorf("disableTLS %v: got %+v", disabled, answer)
		}
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	url, _ := serve(t, status(500, ""))
	c := quickClient()
	c.pause = func(int) time.Duration { return time.Hour }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if answer := c.Call(ctx, plan.HookCall{Hook: v1alpha1.Webhook{Timeout: enough, URL: url, Retries: ptr.To(int32(20))}}); answer.Yes {
		t.Errorf("got %+v", answer)
	}
}

func TestPausesGrow(t *testing.T) {
	for attempt, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 30 * time.Second, 20: 30 * time.Second} {
		if got := pauseBefore(attempt); got != want {
			t.Errorf("before attempt %d: %s, not %s", attempt, got, want)
		}
	}
}
