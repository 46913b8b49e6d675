package outbound

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLinkLocalAddressesAreRefused(t *testing.T) {
	for name, address := range map[string]string{
		"the metadata of a cloud":   "http://169.254.169.254/latest/meta-data",
		"another one, link-local":   "http://169.254.170.2/",
		"written as IPv6":           "http://[::ffff:169.254.169.254]/",
		"link-local IPv6":           "http://[fe80::1]/",
		"the metadata of AWS, IPv6": "http://[fd00:ec2::254]/",
		"that of Google, IPv6":      "http://[fd20:ce::254]/",
		"that of Alibaba":           "http://100.100.100.200/",
		"that of Azure":             "http://168.63.129.16/",
		"behind NAT64":              "http://[64:ff9b::a9fe:a9fe]/",
	} {
		t.Run(name, func(t *testing.T) {
			for how, env := range map[string]string{"straight": "", "by a proxy": "http://127.0.0.1:1"} {
				t.Setenv("HTTP_PROXY", env)
				response, err := (&http.Client{Transport: Transport(false)}).Get(address)
				if err == nil {
					_ = response.Body.Close()
				}
				if err == nil || !strings.Contains(err.Error(), "only nodes may go there") {
					t.Errorf("%s: got %v", how, err)
				}
			}
		})
	}
}

func TestOtherAddressesAreReached(t *testing.T) {
	for _, insecure := range []bool{false, true} {
		server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		response, err := (&http.Client{Transport: Transport(insecure)}).Get(server.URL)
		if err == nil {
			_ = response.Body.Close()
		}
		if (err == nil) != insecure {
			t.Errorf("insecure %v: got %v", insecure, err)
		}
		server.Close()
	}
}

func TestTheAddressThatIsDialedCounts(t *testing.T) {
	if err := refuse("tcp", "169.254.169.254:80", nil); err == nil {
		t.Error("a name that is resolved to a link-local address is dialed")
	}
	if err := refuse("tcp", "10.0.0.1:80", nil); err != nil {
		t.Error(err)
	}
}
