package outbound

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
)

// rules are those on a node with two addresses. The operator allows a part of what would be refused.
var rules = Rules{
	Node:  []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("fd00::a:3")},
	Allow: []netip.Prefix{netip.MustParsePrefix("169.254.20.10/32"), netip.MustParsePrefix("2002:a00::/24")},
}

const onlyNodes, ownPod = "only nodes may call: name a Service", "is the controller's own pod, which only the pod itself may call: name a Service"

func TestAddressesThatAreNotForUsersAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ address, says string }{
		"the metadata of a cloud":    {"http://169.254.169.254/latest/meta-data", onlyNodes},
		"another one, link-local":    {"http://169.254.170.2/", onlyNodes},
		"written as IPv6":            {"http://[::ffff:169.254.169.254]/", onlyNodes},
		"link-local IPv6":            {"http://[fe80::1]/", onlyNodes},
		"the metadata of AWS, IPv6":  {"http://[fd00:ec2::254]/", onlyNodes},
		"that of Google, IPv6":       {"http://[fd20:ce::254]/", onlyNodes},
		"that of Alibaba":            {"http://100.100.100.200/", onlyNodes},
		"that of Azure":              {"http://168.63.129.16/", onlyNodes},
		"behind NAT64":               {"http://[64:ff9b::a9fe:a9fe]/", onlyNodes},
		"the node's own":             {"http://10.1.2.3:10250/", onlyNodes},
		"the node's own, as IPv6":    {"http://[::ffff:10.1.2.3]:10250/", onlyNodes},
		"the node's own, NAT64":      {"http://[64:ff9b::a01:203]:10250/", onlyNodes},
		"the node's own IPv6":        {"http://[fd00::a:3]:10250/", onlyNodes},
		"metadata by 6to4":           {"http://[2002:a9fe:a9fe::1]/", onlyNodes},
		"metadata by local NAT64":    {"http://[64:ff9b:1::a9fe:a9fe]/", onlyNodes},
		"another local NAT64":        {"http://[64:ff9b:1:a9fe:a9:fe00::]/", onlyNodes},
		"metadata by Teredo":         {"http://[2001::5601:5601]/", onlyNodes},
		"compatible with IPv4":       {"http://[::a9fe:a9fe]/", onlyNodes},
		"translated to IPv4":         {"http://[::ffff:0:a9fe:a9fe]/", onlyNodes},
		"link-local, not allowed":    {"http://169.254.20.11/", onlyNodes},
		"loopback":                   {"http://127.0.0.1:6060/debug/pprof/", ownPod},
		"any other of its addresses": {"http://127.8.9.1:15000/", ownPod},
		"loopback, IPv6":             {"http://[::1]:15000/", ownPod},
		"loopback, written as IPv6":  {"http://[::ffff:127.0.0.1]:15000/", ownPod},
		"loopback behind NAT64":      {"http://[64:ff9b::7f00:1]:15000/", ownPod},
		"loopback by its name":       {"http://localhost:15000/", ownPod},
		"a name below it":            {"http://admin.LocalHost.:15000/", ownPod},
		"unspecified":                {"http://0.0.0.0:15000/", ownPod},
		"unspecified, IPv6":          {"http://[::]:15000/", ownPod},
		"unspecified as IPv6":        {"http://[::ffff:0.0.0.0]:15000/", ownPod},
		"no host":                    {"http://:15000/", "the URL has no host: name a Service"},
	} {
		t.Run(name, func(t *testing.T) {
			for how, env := range map[string]string{"straight": "", "by a proxy": "http://127.0.0.1:1"} {
				t.Setenv("HTTP_PROXY", env)
				response, err := (&http.Client{Transport: Transport(rules, false)}).Get(c.address)
				if err == nil {
					_ = response.Body.Close()
				}
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: got %v", how, err)
				}
			}
		})
	}
}

func TestOtherAddressesAreReached(t *testing.T) {
	for _, insecure := range []bool{false, true} {
		var checked atomic.Int32
		server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		transport := guarded(insecure, func(ip netip.Addr) error {
			if checked.Add(1); !ip.IsLoopback() {
				t.Errorf("asked about %s", ip)
			}
			return nil
		})
		response, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err == nil {
			_ = response.Body.Close()
		}
		if (err == nil) != insecure {
			t.Errorf("insecure %v: got %v", insecure, err)
		}
		if checked.Load() != 2 {
			t.Errorf("checked %d times, not once before a proxy and once before the dial", checked.Load())
		}
		server.Close()
	}
}

// TestTheAddressThatIsDialedCounts dials names that resolve to an address at which a server would answer.
func TestTheAddressThatIsDialedCounts(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	for _, host := range []string{"localhost", "127.0.0.1", "0.0.0.0", "", "::ffff:127.0.0.1", "::"} {
		connection, err := Transport(rules, false).DialContext(t.Context(), "tcp", net.JoinHostPort(host, fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)))
		if err == nil {
			_ = connection.Close()
		}
		if err == nil || !strings.Contains(err.Error(), instead) {
			t.Errorf("%q: got %v", host, err)
		}
	}
	g := &guard{check: rules.check}
	for address, allowed := range map[string]bool{
		"169.254.169.254:80": false, "[fe80::1%eth0]:80": false, "[64:ff9b::7f00:1]:80": false, ":80": false, "nonsense": false,
		"10.0.0.1:80": true, "[fd00::1]:443": true, "93.184.216.34:443": true,
		"10.1.2.3:10250": false, "10.1.2.4:10250": true, "169.254.20.10:53": true, "[64:ff9b::a9fe:140a]:53": true, "[2002:a01::1]:80": true, "[2002:b01::1]:80": false,
		"[2001:db8::1]:443": true,
	} {
		if err := g.refuse("tcp", address, nil); (err == nil) != allowed {
			t.Errorf("%s: got %v", address, err)
		}
	}
}

// behindProxy is set in a separate process, because the proxy of the environment is read only once.
const behindProxy = "TEST_BEHIND_PROXY"

// TestAProxyMayBeInThePod sets the operator's proxy to a loopback address, where users may not send requests directly.
func TestAProxyMayBeInThePod(t *testing.T) {
	if own := os.Getenv(behindProxy); own != "" {
		client := &http.Client{Transport: Transport(rules, false)}
		for range 2 {
			response, err := client.Get("http://prometheus.test/-/healthy")
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusTeapot {
				t.Errorf("the proxy was not asked: %s", response.Status)
			}
			if response, err := client.Get(own); err == nil {
				_ = response.Body.Close()
				t.Error("the proxy itself is reached")
			}
		}
		return
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host == "prometheus.test" {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer proxy.Close()
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	again.Env = append(os.Environ(), "HTTP_PROXY="+proxy.URL, "NO_PROXY=", "no_proxy=", behindProxy+"="+proxy.URL)
	if output, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
