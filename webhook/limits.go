package webhook

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Limits of what callers can make a replica hold. Anybody in the cluster can reach its port, so they hold before a body is read,
// and for one address as well as for all.
const (
	// MostReview is the largest review in bytes. etcd stores objects of up to 1.5 MiB, and an update has two.
	MostReview = 3 << 20
	// smallReview is the size up to which a review counts as small.
	smallReview = 256 << 10
	// leastReview is what every review counts for, in bytes.
	leastReview = 16 << 10
	// patience is how long a review waits for its turn. The API server gives up earlier.
	patience = 10 * time.Second
)

// limits passes reviews on to the webhooks, within limits. Large reviews do not take the place of small ones.
type limits struct {
	webhooks     *http.ServeMux
	small, large class
	// patience is how long a review waits, arrival how long its body may take.
	patience, arrival time.Duration
}

// class are the reviews of one size, in bytes.
type class struct {
	// inFlight are those that arrive, wait for a decision, or are decided on.
	inFlight *budget
	// decided are those that are decided on. Decoding takes many times their size.
	decided *semaphore.Weighted
}

func limited(webhooks *http.ServeMux) *limits {
	return &limits{
		webhooks: webhooks, patience: patience, arrival: arrival,
		small: class{inFlight: budgetOf(32<<20, 4<<20), decided: semaphore.NewWeighted(8 * smallReview)},
		large: class{inFlight: budgetOf(4*MostReview, 2*MostReview), decided: semaphore.NewWeighted(MostReview)},
	}
}

// ServeHTTP answers with 404, 405, 411 or 413 if the request cannot be a review, and with 429 if too much is in flight. None of
// these reads the body.
func (l *limits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if code, why := l.refuses(r); code != 0 {
		http.Error(w, why, code)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), l.patience)
	defer cancel()
	weight, of := max(r.ContentLength, leastReview), l.large
	if weight <= smallReview {
		of = l.small
	}
	release, err := of.inFlight.take(ctx, addressOf(r), weight)
	if err != nil {
		tooMany(w)
		return
	}
	defer release()
	body, err := l.read(w, r)
	if err != nil {
		http.Error(w, "the body does not arrive: "+err.Error(), http.StatusBadRequest)
		return
	}
	if err := of.decided.Acquire(ctx, weight); err != nil {
		tooMany(w)
		return
	}
	defer of.decided.Release(weight)
	r.Body = io.NopCloser(bytes.NewReader(body))
	l.webhooks.ServeHTTP(w, r)
}

// read returns the body if it arrives in time.
func (l *limits) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	in := http.NewResponseController(w)
	_ = in.SetReadDeadline(time.Now().Add(l.arrival))
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		// The deadline stays, or the server would wait for the rest of the body before it answers.
		return nil, err
	}
	// The server reads on until the answer is sent, to notice a caller that goes away.
	_ = in.SetReadDeadline(time.Time{})
	return body, nil
}

// refuses returns the code and the reason for what cannot be a review; 0 for what can be one.
func (l *limits) refuses(r *http.Request) (code int, why string) {
	_, pattern := l.webhooks.Handler(r)
	switch {
	case pattern == "":
		return http.StatusNotFound, "there is no webhook at this path"
	case r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, "a review is sent by POST"
	case r.ContentLength < 0:
		return http.StatusLengthRequired, "a review must state its Content-Length"
	case r.ContentLength > MostReview:
		return http.StatusRequestEntityTooLarge, "the review is larger than 3 MiB: make the object smaller"
	}
	return 0, ""
}

func tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, "too many reviews are in flight", http.StatusTooManyRequests)
}

func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// budget is an amount that all addresses share, and of which one address has no more than its share.
type budget struct {
	all   *semaphore.Weighted
	share int64
	mutex sync.Mutex
	by    map[string]*account
}

// account is what one address has of a budget. It is forgotten when nothing uses it.
type account struct {
	amount *semaphore.Weighted
	users  int
}

func budgetOf(all, share int64) *budget {
	return &budget{all: semaphore.NewWeighted(all), share: share, by: map[string]*account{}}
}

// take waits for an amount until the context ends. Release gives it back.
func (b *budget) take(ctx context.Context, address string, amount int64) (release func(), err error) {
	a := b.enter(address)
	if err := a.amount.Acquire(ctx, amount); err != nil {
		b.leave(address, a)
		return nil, err
	}
	give := func() { a.amount.Release(amount); b.leave(address, a) }
	if err := b.all.Acquire(ctx, amount); err != nil {
		give()
		return nil, err
	}
	return func() { b.all.Release(amount); give() }, nil
}

func (b *budget) enter(address string) *account {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	a := b.by[address]
	if a == nil {
		a = &account{amount: semaphore.NewWeighted(b.share)}
		b.by[address] = a
	}
	a.users++
	return a
}

func (b *budget) leave(address string, a *account) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if a.users--; a.users == 0 {
		delete(b.by, address)
	}
}
