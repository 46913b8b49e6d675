// Package outbound sends requests to addresses that users of the cluster name: it goes nowhere that only a node may go.
package outbound

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

const dialTimeout = 10 * time.Second

// metadata are the addresses at which clouds tell their nodes secrets, and that are not link-local: those of AWS, Google and
// Oracle over IPv6, and those of Alibaba and Azure.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("fd00:c1::a9fe:a9fe"),
	netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16"),
}

// translated are the IPv6 addresses behind which NAT64 reaches IPv4.
var translated = netip.MustParsePrefix("64:ff9b::/96")

// Transport makes a transport that refuses link-local addresses, at which clouds give credentials to nodes, and that uses
// the proxy of the environment. With insecure it does not verify certificates.
func Transport(insecure bool) *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	dialer := &net.Dialer{Timeout: dialTimeout, Control: refuse}
	transport.DialContext = dialer.DialContext
	transport.Proxy = proxy
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}
	return transport
}

// refuse looks at the address that a name was resolved to, just before it is dialed.
func refuse(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("read the address %s: %w", address, err)
	}
	return check(host)
}

// proxy refuses before a proxy is asked, which would dial by itself.
func proxy(request *http.Request) (*url.URL, error) {
	if err := check(request.URL.Hostname()); err != nil {
		return nil, err
	}
	return http.ProxyFromEnvironment(request)
}

func check(host string) error {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil
	}
	ip = ip.Unmap().WithZone("")
	if translated.Contains(ip) {
		bytes := ip.As16()
		ip = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if ip.IsLinkLocalUnicast() {
		return fmt.Errorf("the address %s is link-local: only nodes may go there", ip)
	}
	if slices.Contains(metadata, ip) {
		return fmt.Errorf("the address %s is that of a cloud's metadata: only nodes may go there", ip)
	}
	return nil
}
