// Package outbound sends requests to addresses that users of the cluster name. It refuses addresses that only a node may
// reach, and the controller's own pod.
package outbound

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

const dialTimeout = 10 * time.Second

// Limits of what a transport keeps in memory and open.
const (
	// longestHeader is how many bytes are read of the header of an answer.
	longestHeader = 64 << 10
	// mostIdle is how many connections are kept open for further requests, and idleTimeout is how long.
	mostIdle    = 32
	idleTimeout = 10 * time.Second
	// mostToOneHost is how many connections there are to one host at the same time. Further requests wait.
	mostToOneHost = 64
)

// instead says what to do if an address is refused.
const instead = "name a Service or another host"

// Transport returns a transport that refuses what the rules refuse. It uses the proxy of the environment, which the operator has
// chosen and which may be anywhere. With insecure it does not verify certificates.
func Transport(rules Rules, insecure bool) *http.Transport {
	return guarded(insecure, rules.check)
}

// Unguarded returns a transport for addresses that the operator of the controller names.
func Unguarded() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = longestHeader
	transport.MaxIdleConns, transport.IdleConnTimeout = mostIdle, idleTimeout
	return transport
}

// guard checks where requests go.
type guard struct {
	check func(netip.Addr) error
	// proxies are the addresses of the proxies in use.
	proxies sync.Map
}

func guarded(insecure bool, check func(netip.Addr) error) *http.Transport {
	g := &guard{check: check}
	transport := Unguarded()
	transport.MaxConnsPerHost = mostToOneHost
	users, operators := &net.Dialer{Timeout: dialTimeout, Control: g.refuse}, &net.Dialer{Timeout: dialTimeout}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if _, known := g.proxies.Load(address); known {
			return operators.DialContext(ctx, network, address)
		}
		return users.DialContext(ctx, network, address)
	}
	transport.Proxy = g.proxy
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}
	return transport
}

// refuse checks the address that a name was resolved to, just before it is dialed.
func (g *guard) refuse(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %q cannot be read: %s", address, instead)
	}
	return g.check(to.Addr())
}

// proxyPorts are the default ports of proxies by scheme.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// proxy checks the address before a proxy is asked, because the proxy would dial it itself.
func (g *guard) proxy(request *http.Request) (*url.URL, error) {
	host := strings.ToLower(strings.TrimSuffix(request.URL.Hostname(), "."))
	if host == "" {
		return nil, errors.New("the URL has no host: " + instead)
	}
	ip, err := netip.ParseAddr(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		ip, err = netip.IPv6Loopback(), nil
	}
	if err == nil {
		if err := g.check(ip); err != nil {
			return nil, err
		}
	}
	through, err := http.ProxyFromEnvironment(request)
	if through != nil {
		g.proxies.Store(net.JoinHostPort(through.Hostname(), cmp.Or(through.Port(), proxyPorts[through.Scheme])), true)
	}
	return through, err
}
