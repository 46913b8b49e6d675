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
	"slices"
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

// metadata are the addresses, other than link-local ones, at which clouds serve secrets to their nodes: those of AWS, Google
// and Oracle over IPv6, and those of Alibaba and Azure.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("fd00:c1::a9fe:a9fe"),
	netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16"),
}

// translated are the IPv6 addresses through which NAT64 reaches IPv4.
var translated = netip.MustParsePrefix("64:ff9b::/96")

// instead says what to do if an address is refused.
const instead = "name a Service or another host"

// Transport returns a transport that refuses loopback and unspecified addresses, where the controller's own pod serves what
// is not for users, and link-local ones, where clouds give credentials to nodes. It uses the proxy of the environment, which
// the operator has chosen and which may be anywhere. With insecure it does not verify certificates.
func Transport(insecure bool) *http.Transport {
	return guarded(insecure, check)
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

func check(ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	if translated.Contains(ip) {
		bytes := ip.As16()
		ip = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	switch {
	case ip.IsLoopback(), ip.IsUnspecified():
		return fmt.Errorf("the address %s is the controller's own pod, which only the pod itself may call: %s", ip, instead)
	case ip.IsLinkLocalUnicast():
		return fmt.Errorf("the address %s is link-local, which only nodes may call: %s", ip, instead)
	case slices.Contains(metadata, ip):
		return fmt.Errorf("the address %s is a cloud metadata address, which only nodes may call: %s", ip, instead)
	}
	return nil
}
