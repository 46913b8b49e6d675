package process

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/ports"
	"sluice.dev/sluice/webhook"
)

// pod calls port 9443 from an address of this machine, as a pod does from its own, and shows no certificate.
type pod struct {
	dial func() (net.Conn, error)
	url  string
	http *http.Client
}

func (p *process) podAt(number, port int) pod {
	dialer := tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(number))}}, Config: &tls.Config{InsecureSkipVerify: true}}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	transport := &http.Transport{DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", address)
	}}
	p.t.Cleanup(transport.CloseIdleConnections)
	return pod{
		dial: func() (net.Conn, error) { return dialer.DialContext(p.t.Context(), "tcp", address) },
		url:  "https://" + address + webhook.MutateDeploymentPath, http: &http.Client{Transport: transport, Timeout: 30 * time.Second},
	}
}

// largest is a review of the largest size with this content in the templates of both objects.
func largest(content string) []byte {
	const object = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"x","namespace":"x","annotations":{"sluice.dev/canary":"true"}},` +
		`"spec":{"selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{"app":"x"}},"spec":{"containers":[{"name":"a","image":"%s"}],"x":[%s]}}}}`
	const review = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"UPDATE","kind":{"group":"apps","version":"v1","kind":"Deployment"},` +
		`"resource":{"group":"apps","version":"v1","resource":"deployments"},"name":"x","namespace":"x","userInfo":{"username":"x"},"object":%s,"oldObject":%s}}`
	half := webhook.MostReview/2 - 1<<10
	many := strings.TrimSuffix(strings.Repeat(content+",", half/(len(content)+1)), ",")
	return fmt.Appendf(nil, review, fmt.Sprintf(object, "v2", many), fmt.Sprintf(object, "v1", many))
}

// flood has pods send a review again and again for a time, and counts the answers by status.
func flood(pods []pod, each int, review []byte, during time.Duration) string {
	var answered, refused, failed atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(during)
	for _, from := range pods {
		for range each {
			all.Go(func() {
				for time.Now().Before(end) {
					response, err := from.http.Post(from.url, "application/json", bytes.NewReader(review))
					switch {
					case err != nil:
						failed.Add(1)
						continue
					case response.StatusCode == http.StatusOK:
						answered.Add(1)
					default:
						refused.Add(1)
					}
					_, _ = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()
				}
			})
		}
	}
	all.Wait()
	return fmt.Sprintf("%d answered, %d refused, %d without an answer", answered.Load(), refused.Load(), failed.Load())
}

// holding opens connections and writes the beginning of a request to each; empty to write nothing.
func holding(pods []pod, each int, begin string) (open int, release func()) {
	var connections []net.Conn
	for _, from := range pods {
		for range each {
			connection, err := from.dial()
			if err != nil {
				continue
			}
			if _, err := io.WriteString(connection, begin); err == nil {
				open++
			}
			connections = append(connections, connection)
		}
	}
	return open, func() {
		for _, connection := range connections {
			_ = connection.Close()
		}
	}
}

// forget makes the most memory that the process has had what it has now.
func (p *process) forget() {
	p.t.Helper()
	p.Expect(os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.command.Process.Pid), []byte("5"), 0o200)).To(Succeed())
}

// TestFloodsOfPort9443TakeLittleMemory runs the process with the memory limit of the chart. While other addresses send what they can,
// the API server's calls are answered.
func TestFloodsOfPort9443TakeLittleMemory(t *testing.T) {
	t.Parallel()
	const limit, most = "536870912", 320 << 10 // bytes and KiB
	c := startCluster(t)
	c.environment = []string{"MEMORY_LIMIT=" + limit}
	s := c.newShop()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	port := ports.Free(t)
	c.reach(port)
	p := c.start(fmt.Sprintf("--webhook-port=%d", port))
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
	s.optedIn(true)
	s.waitForPhase(p, v1alpha1.PhaseInitialized)
	pods := []pod{p.podAt(2, port), p.podAt(3, port), p.podAt(4, port), p.podAt(5, port)}
	const slow = "POST " + webhook.MutateDeploymentPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 262144\r\n\r\n{"
	held := func(pods []pod, each int, begin string) func() string {
		return func() string {
			open, release := holding(pods, each, begin)
			defer release()
			s.patch(fmt.Sprintf(`{"metadata":{"annotations":{"changed":"beside %d"}}}`, open))
			return fmt.Sprintf("%d open", open)
		}
	}
	sent := func(content string) func() string {
		return func() string {
			over, beside := make(chan string, 1), 0
			go func() { over <- flood(pods, 16, largest(content), 5*time.Second) }()
			for {
				select {
				case result := <-over:
					return fmt.Sprintf("%s, beside %d changes of the API server", result, beside)
				default:
					s.patch(fmt.Sprintf(`{"metadata":{"annotations":{"changed":"%d"}}}`, beside))
					beside++
				}
			}
		}
	}
	for _, load := range []struct {
		name string
		do   func() string
	}{
		{"nothing", func() string { return "" }},
		{"largest reviews of text", sent(`"` + strings.Repeat("x", 64<<10) + `"`)},
		{"largest reviews of small maps", sent(`{"":0}`)},
		{"connections of one address that send nothing", held(pods[:1], 600, "")},
		{"bodies of one address that do not arrive", held(pods[:1], 600, slow)},
		{"bodies of two addresses that do not arrive", func() string {
			open, release := holding(pods[:2], 600, slow)
			release()
			return fmt.Sprintf("%d open", open)
		}},
	} {
		p.forget()
		result := load.do()
		peak := p.peak()
		t.Logf("%s: %d MiB at most (%s)", load.name, peak>>10, result)
		c.Expect(peak).To(BeNumerically("<", most), load.name)
	}
	s.setImage("podinfo:v2")
	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)
	p.stop()
}
