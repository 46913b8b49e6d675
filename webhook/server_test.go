package webhook

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// authority signs certificates.
type authority struct {
	*testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{T: t}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.certificate, a.key = a.sign(template)
	return a
}

func (a *authority) sign(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.Fatal(err)
	}
	parent, signer := template, key
	if a.certificate != nil {
		parent, signer = a.certificate, a.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		a.Fatal(err)
	}
	return certificate, key
}

// issue makes a certificate for a server or a client of a name.
func (a *authority) issue(name string) tls.Certificate {
	a.Helper()
	return a.issueUntil(name, time.Now().Add(time.Hour))
}

func (a *authority) issueUntil(name string, last time.Time) tls.Certificate {
	a.Helper()
	certificate, key := a.sign(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: last,
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
}

// served serves a handler at /webhook, as Sluice does, and returns the address.
func served(t *testing.T, trusted *authority, clients Clients, handler http.HandlerFunc, change func(*http.Server)) string {
	t.Helper()
	certificate := trusted.issue("webhook")
	secured, listener, err := Listen("127.0.0.1", 0, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil }, clients)
	if err != nil {
		t.Fatal(err)
	}
	if listener.Ready() == nil {
		t.Error("it is ready before anything accepts connections")
	}
	mux := http.NewServeMux()
	mux.Handle("/webhook", handler)
	server := Server(mux)
	server.ErrorLog = log.New(io.Discard, "", 0)
	change(server)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(secured) }()
	t.Cleanup(func() { _, _ = server.Close(), <-ended })
	return secured.Addr().String()
}

// from returns a client that calls from an address of this machine, as another pod does from its own.
func from(t *testing.T, address string, trusted *authority, certificates ...tls.Certificate) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(trusted.certificate)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
			connection, err := dialer.DialContext(ctx, network, to)
			if tcp, is := connection.(*net.TCPConn); is {
				// What the client's kernel holds has not been sent.
				_ = tcp.SetWriteBuffer(received)
			}
			return connection, err
		},
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: certificates},
		ForceAttemptHTTP2: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// content is a body that counts what is read of it.
type content struct {
	io.Reader
	sent *atomic.Int64
}

func (c content) Read(into []byte) (int, error) {
	n, err := c.Reader.Read(into)
	c.sent.Add(int64(n))
	return n, err
}

// zeros are endless.
type zeros struct{}

func (zeros) Read(into []byte) (int, error) { clear(into); return len(into), nil }

// answer is how a request ended: a status and its protocol, or the error that kept it from an answer.
type answer struct {
	code  int
	proto string
	err   error
}

// do sends a request and reads its answer.
func do(client *http.Client, request *http.Request) answer {
	response, err := client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	_ = response.Body.Close()
	return answer{code: response.StatusCode, proto: response.Proto}
}

// post sends a body of a size, which it states unless that is negative.
func post(t *testing.T, client *http.Client, url string, stated, size int64, sent *atomic.Int64) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, content{io.LimitReader(zeros{}, size), sent})
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = stated
	return do(client, request)
}

func TestWhatCannotBeAReviewIsNotRead(t *testing.T) {
	trusted := newAuthority(t)
	address := served(t, trusted, Clients{}, func(http.ResponseWriter, *http.Request) { t.Error("the webhook is called") }, func(*http.Server) {})
	for name, c := range map[string]struct {
		path   string
		stated int64
		code   int
	}{
		"too large":                {"/webhook", MostReview + 1, http.StatusRequestEntityTooLarge},
		"without a size":           {"/webhook", -1, http.StatusLengthRequired},
		"at a path without a hook": {"/", MostReview, http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			got := post(t, from(t, "127.0.0.1", trusted), "https://"+address+c.path, c.stated, 64<<20, &sent)
			if got.code != c.code {
				t.Fatalf("the answer is %+v", got)
			}
			if got.proto != "HTTP/1.1" || sent.Load() > 1<<20 {
				t.Errorf("%d bytes were sent by %s", sent.Load(), got.proto)
			}
		})
	}
	response, err := from(t, "127.0.0.1", trusted).Get("https://" + address + "/webhook")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a GET is answered with %v", response)
	}
}

// TestAFloodHoldsLittle sends large reviews without end from four addresses, while reviews of two other sizes come from a fifth.
func TestAFloodHoldsLittle(t *testing.T) {
	trusted := newAuthority(t)
	var decided, most, flooded atomic.Int64
	address := served(t, trusted, Clients{}, func(_ http.ResponseWriter, r *http.Request) {
		now := decided.Add(r.ContentLength)
		defer decided.Add(-r.ContentLength)
		for before := most.Load(); now > before && !most.CompareAndSwap(before, now); before = most.Load() {
		}
		if n, err := io.Copy(io.Discard, r.Body); err != nil || n != r.ContentLength {
			t.Errorf("the webhook reads %d of %d bytes: %v", n, r.ContentLength, err)
		}
		if r.ContentLength > smallReview {
			flooded.Add(1)
		}
	}, func(*http.Server) {})
	var floods sync.WaitGroup
	over := make(chan struct{})
	for _, source := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"} {
		client := from(t, source, trusted)
		for range 10 {
			floods.Go(func() {
				for sent := new(atomic.Int64); ; {
					select {
					case <-over:
						return
					default:
						_ = post(t, client, "https://"+address+"/webhook", MostReview, MostReview, sent)
					}
				}
			})
		}
	}
	honest := from(t, "127.0.0.1", trusted)
	for range 10 {
		for _, size := range []int64{20 << 10, 200 << 10} {
			if got := post(t, honest, "https://"+address+"/webhook", size, size, new(atomic.Int64)); got.code != http.StatusOK {
				t.Fatalf("a review of %d bytes is answered with %+v", size, got)
			}
		}
	}
	close(over)
	floods.Wait()
	if most.Load() > MostReview+8*smallReview || flooded.Load() == 0 {
		t.Errorf("%d bytes were decided on at a time; %d large reviews came through", most.Load(), flooded.Load())
	}
}

// bodies counts the requests that a server has begun to handle, and what it has read of their bodies.
type bodies struct {
	http.Handler
	begun, read atomic.Int64
}

func (b *bodies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.begun.Add(1)
	r.Body = struct {
		io.Reader
		io.Closer
	}{content{r.Body, &b.read}, r.Body}
	b.Handler.ServeHTTP(w, r)
}

// TestWaitingReviewsAreNotRead decides on one review while others wait. What is read of them is the share of their address.
func TestWaitingReviewsAreNotRead(t *testing.T) {
	trusted := newAuthority(t)
	decides, seen := make(chan struct{}), &bodies{}
	var decided atomic.Int64
	address := served(t, trusted, Clients{}, func(http.ResponseWriter, *http.Request) { decided.Add(1); <-decides }, func(server *http.Server) {
		server.ReadTimeout, server.WriteTimeout = 0, 0
		of := server.Handler.(*limits)
		of.patience, of.arrival = time.Hour, time.Hour
		seen.Handler, server.Handler = server.Handler, seen
	})
	const reviews = 8
	var answers sync.WaitGroup
	client := from(t, "127.0.0.2", trusted)
	for range reviews {
		answers.Go(func() {
			if got := post(t, client, "https://"+address+"/webhook", MostReview, MostReview, new(atomic.Int64)); got.code != http.StatusOK {
				t.Errorf("the answer is %+v", got)
			}
		})
	}
	g := NewWithT(t)
	g.Eventually(func() bool {
		return seen.begun.Load() == reviews && seen.read.Load() >= 2*MostReview && decided.Load() > 0
	}, time.Minute).Should(BeTrue())
	if read := seen.read.Load(); read != 2*MostReview || decided.Load() != 1 {
		t.Errorf("%d reviews are decided on; %d bytes are read, the limit is %d", decided.Load(), read, 2*MostReview)
	}
	close(decides)
	answers.Wait()
}

// TestAReviewDoesNotWaitForever is answered while another one is decided on for longer than the API server waits.
func TestAReviewDoesNotWaitForever(t *testing.T) {
	trusted := newAuthority(t)
	address := served(t, trusted, Clients{}, func(http.ResponseWriter, *http.Request) { t.Error("the webhook is called") }, func(server *http.Server) {
		of := server.Handler.(*limits)
		of.patience = 10 * time.Millisecond
		if err := of.large.decided.Acquire(t.Context(), MostReview); err != nil {
			t.Fatal(err)
		}
	})
	got := post(t, from(t, "127.0.0.1", trusted), "https://"+address+"/webhook", MostReview, MostReview, new(atomic.Int64))
	if got.err == nil && got.code != http.StatusTooManyRequests {
		t.Errorf("the answer is %+v", got)
	}
}

// TestAnAPIServerHasManyCallsInFlight decides on nothing before all calls have come, each by a connection of its own.
func TestAnAPIServerHasManyCallsInFlight(t *testing.T) {
	trusted := newAuthority(t)
	const calls = 100
	var here sync.WaitGroup
	here.Add(calls)
	address := served(t, trusted, Clients{}, func(http.ResponseWriter, *http.Request) { here.Done(); here.Wait() }, func(*http.Server) {})
	client := from(t, "127.0.0.1", trusted)
	var ended sync.WaitGroup
	for range calls {
		ended.Go(func() {
			if got := post(t, client, "https://"+address+"/webhook", 1, 1, new(atomic.Int64)); got.code != http.StatusOK {
				t.Errorf("the answer is %+v", got)
				here.Done()
			}
		})
	}
	ended.Wait()
}

// TestASlowBodyEndsItsRequest keeps the place of a review for no longer than the time to arrive.
func TestASlowBodyEndsItsRequest(t *testing.T) {
	trusted := newAuthority(t)
	address := served(t, trusted, Clients{}, func(http.ResponseWriter, *http.Request) { t.Error("the webhook is called") }, func(server *http.Server) {
		server.Handler.(*limits).arrival = 50 * time.Millisecond
	})
	never, write := io.Pipe()
	t.Cleanup(func() { _ = write.Close() })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+address+"/webhook", never)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = 100
	if got := do(from(t, "127.0.0.1", trusted), request); got.err == nil && got.code != http.StatusBadRequest {
		t.Errorf("the answer is %+v", got)
	}
}

// TestOneAddressDoesNotTakeAllConnections opens connections that send nothing.
func TestOneAddressDoesNotTakeAllConnections(t *testing.T) {
	trusted := newAuthority(t)
	address := served(t, trusted, Clients{}, func(http.ResponseWriter, *http.Request) {}, func(*http.Server) {})
	for range 4 * mostConnections {
		open, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = open.Close() })
	}
	if got := post(t, from(t, "127.0.0.1", trusted), "https://"+address+"/webhook", 1, 1, new(atomic.Int64)); got.code != http.StatusOK {
		t.Errorf("another address is answered with %+v", got)
	}
}

// refusalOf returns what a client is told that sends nothing. One that writes may notice only that the connection is closed.
func refusalOf(t *testing.T, address string, certificates []tls.Certificate) error {
	t.Helper()
	connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, Certificates: certificates})
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	_ = connection.SetReadDeadline(time.Now().Add(arrival))
	_, err = connection.Read(make([]byte, 1))
	return err
}

func TestClientsNeedTheirCertificate(t *testing.T) {
	trusted, clients, others := newAuthority(t), newAuthority(t), newAuthority(t)
	address := served(t, trusted, Clients{CA: clients.pem(), Names: []string{"kube-apiserver"}}, func(http.ResponseWriter, *http.Request) {}, func(*http.Server) {})
	for name, c := range map[string]struct {
		certificates []tls.Certificate
		refusal      string
	}{
		"none":                 {nil, "tls: certificate required"},
		"of another authority": {[]tls.Certificate{others.issue("kube-apiserver")}, "tls: unknown certificate authority"},
		"of another name":      {[]tls.Certificate{clients.issue("kubelet")}, "tls: bad certificate"},
		"of the past":          {[]tls.Certificate{clients.issueUntil("kube-apiserver", time.Now().Add(-time.Minute))}, "tls: expired certificate"},
		"of the API server":    {[]tls.Certificate{clients.issue("kube-apiserver")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := post(t, from(t, "127.0.0.1", trusted, c.certificates...), "https://"+address+"/webhook", 1, 1, new(atomic.Int64))
			if (got.code == http.StatusOK) != (c.refusal == "") {
				t.Errorf("the answer is %+v", got)
			}
			if c.refusal == "" {
				return
			}
			if err := refusalOf(t, address, c.certificates); !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("the client is told %v", err)
			}
		})
	}
}

func TestMistakesInClientsAreNamed(t *testing.T) {
	for want, c := range map[string]Clients{
		"webhook.clientCA: must have a certificate in PEM": {CA: "none"},
		"webhook.clientNames: need webhook.clientCA":       {Names: []string{"kube-apiserver"}},
	} {
		if _, _, err := Listen("127.0.0.1", 0, nil, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, not %q", c, err, want)
		}
	}
}
