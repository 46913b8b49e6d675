// Package gate is a server of hooks for tests: gates that can be opened and closed, and a record of their calls.
package gate

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

const (
	// mostSeen is how many calls are kept. Older ones are dropped.
	mostSeen = 1000
	// longestBody is how much of a request body is read.
	longestBody = 1 << 16
)

// Seen is one call of a gate.
type Seen struct {
	// Path is the path of the call, such as /approval/check.
	Path string `json:"path"`
	// Payload is the body of the call.
	Payload Payload `json:"payload"`
}

// Payload has the fields of a hook's request body, with Flagger's names.
type Payload struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Phase     string            `json:"phase"`
	Checksum  string            `json:"checksum"`
	Metadata  map[string]string `json:"metadata"`
}

// Server has any number of gates. Each has a name and is closed at first.
type Server struct {
	mu   sync.Mutex
	open map[string]bool
	seen []Seen
}

// New returns a Server without open gates.
func New() *Server { return &Server{open: map[string]bool{}} }

// Handler serves, for a gate of any name: POST /GATE/check, which approves (200) if the gate is open and refuses (403)
// otherwise; POST /GATE/note, which always approves; POST /GATE/open and /GATE/close. GET /seen lists the calls of check and
// note, oldest first.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{gate}/check", func(w http.ResponseWriter, r *http.Request) {
		if s.note(w, r) && !s.IsOpen(r.PathValue("gate")) {
			http.Error(w, "the gate is closed", http.StatusForbidden)
		}
	})
	mux.HandleFunc("POST /{gate}/note", func(w http.ResponseWriter, r *http.Request) { s.note(w, r) })
	mux.HandleFunc("POST /{gate}/open", func(_ http.ResponseWriter, r *http.Request) { s.Set(r.PathValue("gate"), true) })
	mux.HandleFunc("POST /{gate}/close", func(_ http.ResponseWriter, r *http.Request) { s.Set(r.PathValue("gate"), false) })
	mux.HandleFunc("GET /seen", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Seen())
	})
	return mux
}

// note records a call. If the body cannot be read, it answers with an error and returns false.
func (s *Server) note(w http.ResponseWriter, r *http.Request) bool {
	seen := Seen{Path: r.URL.Path}
	if err := json.NewDecoder(io.LimitReader(r.Body, longestBody)).Decode(&seen.Payload); err != nil {
		http.Error(w, "the body must be the JSON of a hook: "+err.Error(), http.StatusBadRequest)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, seen)
	s.seen = s.seen[max(0, len(s.seen)-mostSeen):]
	return true
}

// Set opens or closes a gate.
func (s *Server) Set(gate string, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[gate] = open
}

// IsOpen reports whether a gate is open.
func (s *Server) IsOpen(gate string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[gate]
}

// Seen returns the calls of check and note, oldest first.
func (s *Server) Seen() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Seen{}, s.seen...)
}
