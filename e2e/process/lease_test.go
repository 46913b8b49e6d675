package process

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/ports"
)

// renewDeadline is how long a replica with a short lease tries to renew it. A request may take half of that, also on a busy machine.
const renewDeadline = 6 * time.Second

// shortLease lets a test lose a lease, and take it again, within seconds. handedOver lets a replica take a lease at once that another
// has given back.
var (
	handedOver = []string{"--leader-elect-retry-period=200ms"}
	shortLease = slices.Concat(handedOver, []string{"--leader-elect-lease-duration=9s", fmt.Sprintf("--leader-elect-renew-deadline=%s", renewDeadline)})
)

// stopsReconciling is what the log says when a replica has lost its lease.
const stopsReconciling = "this replica has stopped reconciling"

// steal takes the lease from its holder for as long as that tries to renew it.
func (c *cluster) steal() {
	c.t.Helper()
	c.Eventually(func() error {
		lease := &coordinationv1.Lease{}
		if err := c.client.Get(c.t.Context(), client.ObjectKey{Namespace: release, Name: "sluice"}, lease); err != nil {
			return err
		}
		if ptr.Deref(lease.Spec.HolderIdentity, "") == "" {
			return fmt.Errorf("nobody has the lease")
		}
		now := metav1.NowMicro()
		lease.Spec.HolderIdentity, lease.Spec.RenewTime, lease.Spec.LeaseDurationSeconds = ptr.To("a thief"), &now, ptr.To(int32(renewDeadline/time.Second))
		return c.client.Update(c.t.Context(), lease)
	}, patience, glance).Should(Succeed())
}

// changes are updates of an opted-in Deployment, each of which admission must allow.
type changes struct {
	made, refused atomic.Int64
	last          atomic.Value
}

// keepChanging changes the shop's Deployment until the returned function is called.
func (s *shop) keepChanging() (*changes, func()) {
	found := &changes{}
	ctx, stop := context.WithCancel(s.t.Context())
	var over sync.WaitGroup
	over.Go(func() {
		for every := time.NewTicker(glance); ctx.Err() == nil; <-every.C {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "podinfo"}}
			patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"changed":"%d"}}}`, found.made.Add(1))
			if err := s.client.Patch(ctx, d, client.RawPatch(types.MergePatchType, patch)); err != nil && ctx.Err() == nil {
				found.refused.Add(1)
				found.last.Store(err.Error())
			}
		}
	})
	return found, func() { stop(); over.Wait() }
}

func TestLosingTheLeaseEndsReconcilingAndNotAdmission(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s := c.newShop()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	p := s.ready(shortLease...)
	s.waitForPhase(p, v1alpha1.PhaseInitialized)

	found, stop := s.keepChanging()
	stops := func() int { return strings.Count(p.lines(), stopsReconciling) }
	for stolen := 1; stolen <= 3; stolen++ {
		// On a busy machine it also loses a lease that nobody takes.
		before := stops()
		c.steal()
		c.Eventually(stops, patience, glance).Should(BeNumerically(">", before), p.lines)
		c.Expect(p.readyz()).To(Equal("ok"), "admission must go on without the lease")
		s.setImage(fmt.Sprintf("podinfo:v%d", stolen+1))
		s.waitForEnd(p, v1alpha1.PhaseSucceeded, stolen)
	}
	c.Eventually(found.made.Load, patience, glance).Should(BeNumerically(">", 50))
	stop()
	c.Expect(found.refused.Load()).To(BeZero(), "%d changes, the last refusal: %v", found.made.Load(), found.last.Load())
	p.expectNothingForbidden()
	p.stop()
}

// tunnel forwards connections to the API server while it is open.
type tunnel struct {
	*cluster
	address string

	mu          sync.Mutex
	listener    net.Listener
	connections []net.Conn
}

// dig returns a closed tunnel. Processes that start afterwards reach the API server only through it.
func (c *cluster) dig() *tunnel {
	c.t.Helper()
	tunnel := &tunnel{cluster: c, address: fmt.Sprintf("127.0.0.1:%d", ports.Free(c.t))}
	c.through = "https://" + tunnel.address
	c.t.Cleanup(tunnel.close)
	return tunnel
}

func (n *tunnel) open() {
	n.t.Helper()
	kubeconfig, err := clientcmd.LoadFromFile(n.admin)
	n.Expect(err).NotTo(HaveOccurred())
	server, err := url.Parse(kubeconfig.Clusters[kubeconfig.Contexts[kubeconfig.CurrentContext].Cluster].Server)
	n.Expect(err).NotTo(HaveOccurred())
	listener, err := net.Listen("tcp", n.address)
	n.Expect(err).NotTo(HaveOccurred())
	n.mu.Lock()
	n.listener = listener
	n.mu.Unlock()
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", server.Host)
			if err != nil {
				_ = from.Close()
				continue
			}
			if !n.keep(listener, from, to) {
				return
			}
			go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
			go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
		}
	}()
}

// keep notes the ends of a connection for close. It is false, and closes them, if close was called while they were connected.
func (n *tunnel) keep(listener net.Listener, ends ...net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listener == listener {
		n.connections = append(n.connections, ends...)
		return true
	}
	for _, end := range ends {
		_ = end.Close()
	}
	return false
}

func (n *tunnel) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listener != nil {
		_ = n.listener.Close()
		n.listener = nil
	}
	for _, connection := range n.connections {
		_ = connection.Close()
	}
	n.connections = nil
}

func TestAnAPIServerThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s := c.newShop()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	port := ports.Free(t)
	c.reach(port)
	road := c.dig()

	p := c.start(append(shortLease, fmt.Sprintf("--webhook-port=%d", port))...)
	c.Eventually(func() int { return strings.Count(p.lines(), "not serving yet") }, patience, glance).Should(BeNumerically(">", 2), p.lines)
	c.Expect(p.get("/healthz")).To(Equal("ok"))
	c.Expect(p.readyz()).To(ContainSubstring("waiting for the API server: "))
	road.open()
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
	s.optedIn(true)
	s.waitForPhase(p, v1alpha1.PhaseInitialized)

	t.Log("away again while the process runs")
	road.close()
	c.Eventually(p.lines, patience, glance).Should(ContainSubstring(stopsReconciling))
	c.Expect(p.get("/healthz")).To(Equal("ok"))
	road.open()
	const deadline = 20 * time.Second
	s.patch(fmt.Sprintf(`{"metadata":{"annotations":{"sluice.dev/interval":"2s","sluice.dev/progress-deadline":"%s"}}}`, deadline))

	t.Log("and away in the middle of a step, for longer than its rest and the deadline")
	s.setImage("podinfo:v2")
	s.waitFor(p, "a rollout in flight", inFlight)
	tried := strings.Count(p.lines(), stopsReconciling)
	road.close()
	closed := time.Now()
	c.Eventually(func() time.Duration { return time.Since(closed) }, patience, glance).Should(BeNumerically(">", deadline+4*time.Second))
	c.Eventually(func() int { return strings.Count(p.lines(), stopsReconciling) }, patience, glance).Should(BeNumerically(">", tried), p.lines)
	road.open()
	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)
	p.stop()
}
