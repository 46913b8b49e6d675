package gate

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGatesOpenAndClose(t *testing.T) {
	handler := New().Handler()
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, httptest.NewRequest(method, path, strings.NewReader(body)))
		return response
	}
	const question = `{"name":"podinfo","namespace":"shop","phase":"Progressing","checksum":"7c9e41d2","metadata":{"cmd":"curl"}}`
	for i, step := range []struct {
		method, path, body string
		code               int
	}{
		{http.MethodPost, "/approval/check", question, 403},
		{http.MethodPost, "/rollback/open", "", 200},
		{http.MethodPost, "/approval/check", question, 403},
		{http.MethodPost, "/approval/open", "", 200},
		{http.MethodPost, "/approval/check", question, 200},
		{http.MethodPost, "/approval/close", "", 200},
		{http.MethodPost, "/approval/check", question, 403},
		{http.MethodPost, "/smoke-test/note", question, 200},
		{http.MethodPost, "/approval/check", "no JSON", 400},
		{http.MethodPost, "/approval/else", question, 404},
		{http.MethodGet, "/approval/check", "", 405},
	} {
		if got := ask(step.method, step.path, step.body).Code; got != step.code {
			t.Errorf("%d. %s answers %d, not %d", i+1, step.path, got, step.code)
		}
	}
	var seen []Seen
	if err := json.Unmarshal(ask(http.MethodGet, "/seen", "").Body.Bytes(), &seen); err != nil {
		t.Fatal(err)
	}
	payload := Payload{Name: "podinfo", Namespace: "shop", Phase: "Progressing", Checksum: "7c9e41d2", Metadata: map[string]string{"cmd": "curl"}}
	check, note := Seen{Path: "/approval/check", Payload: payload}, Seen{Path: "/smoke-test/note", Payload: payload}
	if diff := cmp.Diff([]Seen{check, check, check, check, note}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyTheNewestAreKept(t *testing.T) {
	s := New()
	handler := s.Handler()
	for range mostSeen + 1 {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/gate/check", strings.NewReader("{}")))
	}
	if got := len(s.Seen()); got != mostSeen {
		t.Errorf("%d are kept", got)
	}
}
