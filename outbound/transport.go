// Package outbound sends requests to addresses that users of the cluster name: it goes nowhere that only a node may go.
package outbound

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const dialTimeout = 10 * time.Second

// metadataIPv6 is where a cloud tells its nodes secrets over IPv6; over IPv4 all do so at a link-local address.
var metadataIPv6 = netip.MustParseAddr("fd00:ec2::254")

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
	if ip.IsLinkLocalUnicast() || ip == metadataIPv6 {
		return fmt.Errorf("the address %s is link-local: only nodes may go there", ip)
	}
	return nil
}
