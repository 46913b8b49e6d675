package counters

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sluice.dev/sluice/e2e/binaries"
	"sluice.dev/sluice/e2e/ports"
	"sluice.dev/sluice/internal/analysis"
)

// patience allows for a machine on which other tests leave little CPU.
const patience = 2 * time.Minute

// glance is the interval between two looks at a condition.
const glance = 100 * time.Millisecond

// metrics is a Prometheus that scrapes pods every second.
type metrics struct {
	t       *testing.T
	program string
	folder  string
	address string
	process *exec.Cmd
	pods    []*pod
}

func newMetrics(t *testing.T) *metrics {
	t.Helper()
	programs, err := binaries.Ensure(t.Context(), os.Stderr, "prometheus")
	if err != nil {
		t.Fatal(err)
	}
	m := &metrics{t: t, program: filepath.Join(programs, "prometheus"), folder: t.TempDir(), address: fmt.Sprintf("127.0.0.1:%d", ports.Free(t))}
	t.Cleanup(func() { m.stop(syscall.SIGKILL) })
	return m
}

// start starts Prometheus with the data that it has, and waits until it answers.
func (m *metrics) start() {
	m.t.Helper()
	m.configure()
	m.process = exec.Command(m.program, "--config.file="+m.config(), "--storage.tsdb.path="+filepath.Join(m.folder, "data"),
		"--web.listen-address="+m.address, "--web.enable-lifecycle", "--log.level=error")
	m.process.Stderr = os.Stderr
	if err := m.process.Start(); err != nil {
		m.t.Fatal(err)
	}
	NewWithT(m.t).Eventually(m.ready, patience, glance).Should(BeTrue(), "Prometheus starts")
}

func (m *metrics) ready() bool {
	response, err := http.Get("http://" + m.address + "/-/ready")
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// stop ends Prometheus and waits for its end.
func (m *metrics) stop(signal syscall.Signal) {
	if m.process == nil {
		return
	}
	_ = m.process.Process.Signal(signal)
	_ = m.process.Wait()
	m.process = nil
}

// forget deletes all that Prometheus, which must be stopped, has scraped.
func (m *metrics) forget() {
	m.t.Helper()
	if err := os.RemoveAll(filepath.Join(m.folder, "data")); err != nil {
		m.t.Fatal(err)
	}
}

func (m *metrics) config() string { return filepath.Join(m.folder, "prometheus.yml") }

func (m *metrics) configure() {
	m.t.Helper()
	var config strings.Builder
	config.WriteString("global: {scrape_interval: 1s, scrape_timeout: 1s, scrape_native_histograms: true}\n" +
		"scrape_configs:\n- job_name: pods\n  static_configs:\n")
	for _, p := range m.pods {
		_, _ = fmt.Fprintf(&config, "  - {targets: [%q], labels: {namespace: shop, pod: %s}}\n", p.address, p.name)
	}
	if err := os.WriteFile(m.config(), []byte(config.String()), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// scrape makes Prometheus scrape one more pod.
func (m *metrics) scrape(p *pod) {
	m.t.Helper()
	m.pods = append(m.pods, p)
	m.configure()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+m.address+"/-/reload", nil)
	if err != nil {
		m.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		m.t.Fatal(response.Status)
	}
}

// last returns the newest value of up for each pod that was scraped.
func (s *shop) last() map[string]float64 {
	values := map[string]float64{}
	answer, _ := s.provider.Raw(s.Context(), s.raw.Query(3*time.Second))
	for _, series := range answer {
		if n := len(series.Samples); series.Labels["__name__"] == analysis.Up && n > 0 {
			values[series.Labels["pod"]] = series.Samples[n-1].Value
		}
	}
	return values
}
