package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of connections. API servers call webhooks by HTTP/1.1, so each call that is in flight needs a connection of its own, and
// one that is over stays open for the next. With HTTP/2, a client could make a replica hold the bodies of many requests.
const (
	mostConnections = 1024
	// connectionsOfOne is how many connections one address can have. All API servers can have one address.
	connectionsOfOne = 512
	// received is how many bytes of a connection the kernel holds until they are read.
	received = 32 << 10
	// mostHeaders is the size of the headers of a request in bytes.
	mostHeaders = 16 << 10
	// arrival is the time for a body to arrive when its turn has come, for headers, and for a connection to become one of TLS.
	arrival = 5 * time.Second
	// answered is the time for a request and its answer. The API server waits no longer.
	answered = 30 * time.Second
	// idle is how long a connection stays open without a request.
	idle = 90 * time.Second
)

// Clients are those who may call the webhooks.
type Clients struct {
	// CA has the certificates, in PEM, of the authorities that sign those of clients. Empty to ask for no certificate.
	CA string
	// Names are the common or DNS names that a client's certificate may have. Empty for any.
	Names []string
}

// Server returns a server that passes reviews on to the webhooks, within limits.
func Server(webhooks *http.ServeMux) *http.Server {
	return &http.Server{
		Handler: limited(webhooks), ReadHeaderTimeout: arrival, ReadTimeout: patience + arrival, WriteTimeout: answered, IdleTimeout: idle, MaxHeaderBytes: mostHeaders,
	}
}

// Listener accepts connections of clients, within limits.
type Listener struct {
	net.Listener
	accepts     atomic.Bool
	mutex       sync.Mutex
	connections map[string]int
	all         int
}

// Listen listens on a port of a host; empty for all addresses. Each TLS handshake asks for the certificate to serve. It returns the
// listener for a server, and what tells whether that accepts connections.
func Listen(host string, port int, serving func(*tls.ClientHelloInfo) (*tls.Certificate, error), clients Clients) (net.Listener, *Listener, error) {
	secured, err := clients.config()
	if err != nil {
		return nil, nil, err
	}
	secured.GetCertificate = serving
	plain, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, nil, fmt.Errorf("listen for admission: %w", err)
	}
	l := &Listener{Listener: plain, connections: map[string]int{}}
	return tls.NewListener(l, secured), l, nil
}

// Ready returns an error until a server accepts connections.
func (l *Listener) Ready() error {
	if !l.accepts.Load() {
		return errors.New("admission is not served yet")
	}
	return nil
}

// Accept returns the next connection that is within the limits. It closes the others.
func (l *Listener) Accept() (net.Conn, error) {
	l.accepts.Store(true)
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address, _, _ := net.SplitHostPort(accepted.RemoteAddr().String())
		if l.enter(address) {
			if tcp, is := accepted.(*net.TCPConn); is {
				_ = tcp.SetReadBuffer(received)
			}
			return &connection{Conn: accepted, left: sync.OnceFunc(func() { l.leave(address) })}, nil
		}
		_ = accepted.Close()
	}
}

func (l *Listener) enter(address string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.all >= mostConnections || l.connections[address] >= connectionsOfOne {
		return false
	}
	l.all++
	l.connections[address]++
	return true
}

func (l *Listener) leave(address string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.all--
	if l.connections[address]--; l.connections[address] == 0 {
		delete(l.connections, address)
	}
}

// connection is counted until it is closed.
type connection struct {
	net.Conn
	left func()
}

// Close closes the connection.
func (c *connection) Close() error {
	defer c.left()
	return c.Conn.Close()
}

// config returns how a connection becomes one of TLS.
func (c Clients) config() (*tls.Config, error) {
	result := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if c.CA == "" {
		if len(c.Names) > 0 {
			return nil, errors.New("webhook.clientNames: need webhook.clientCA, the authority that signs the clients' certificates")
		}
		return result, nil
	}
	result.ClientCAs = x509.NewCertPool()
	if !result.ClientCAs.AppendCertsFromPEM([]byte(c.CA)) {
		return nil, errors.New("webhook.clientCA: must have a certificate in PEM")
	}
	result.ClientAuth = tls.RequireAndVerifyClientCert
	result.VerifyConnection = c.verify
	return result, nil
}

// verify refuses a client whose certificate, which is verified, has no name that is accepted.
func (c Clients) verify(state tls.ConnectionState) error {
	leaf := state.PeerCertificates[0]
	names := append([]string{leaf.Subject.CommonName}, leaf.DNSNames...)
	if len(c.Names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(c.Names, name) }) {
		return fmt.Errorf("no client with the names %q is accepted", names)
	}
	return nil
}
