// Package gate is a server of hooks for tests: gates that are opened and closed, and all that they were asked.
package gate

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

const (
	// mostSeen is how many questions are kept, the newest.
	mostSeen = 1000
	// longestBody bounds what is read of one.
	longestBody = 1 << 16
)

// Seen is one question that came to a gate.
type Seen struct {
	// Path is where it came, such as /approval/check.
	Path string `json:"path"`
	// Payload is what it said.
	Payload Payload `json:"payload"`
}

// Payload has the fields that hooks are sent, with the names of Flagger.
type Payload struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Phase     string            `json:"phase"`
	Checksum  string            `json:"checksum"`
	Metadata  map[string]string `json:"metadata"`
}

// Server keeps any number of gates, each known by its name and closed at first.
type Server struct {
	mu   sync.Mutex
	open map[string]bool
	seen []Seen
}

// New makes a Server without open gates.
func New() *Server { return &Server{open: map[string]bool{}} }

// Handler serves, for a gate of any name: POST /GATE/check, a yes (200) when it is open, else a no (403); POST /GATE/note, always a
// yes; POST /GATE/open and /GATE/close. GET /seen is what came to check and note, as a list of Seen, the oldest first.
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

// note keeps a question, and reports false when it has answered that it cannot be read.
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

// Seen is what came to check and note, the oldest first.
func (s *Server) Seen() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Seen{}, s.seen...)
}
