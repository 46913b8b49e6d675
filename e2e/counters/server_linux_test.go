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

// server is a program that scrapes, and answers as Prometheus does.
type server struct {
	name string
	// global are the settings of all scrapes.
	global string
	// arguments are its arguments, with the file that says what to scrape, the folder of its data and its address.
	arguments func(config, data, address string) []string
}

var (
	ofPrometheus = server{"prometheus", "scrape_interval: 1s, scrape_timeout: 1s, scrape_native_histograms: true", func(config, data, address string) []string {
		return []string{"--config.file=" + config, "--storage.tsdb.path=" + data, "--web.listen-address=" + address, "--web.enable-lifecycle", "--log.level=error"}
	}}
	// VictoriaMetrics answers the queries of checks as of 30 s ago, unless it is told otherwise. It shows a new series a few seconds late.
	ofVictoriaMetrics = server{"victoria-metrics", "scrape_interval: 3s, scrape_timeout: 3s", func(config, data, address string) []string {
		return []string{"-promscrape.config=" + config, "-storageDataPath=" + data, "-httpListenAddr=" + address, "-search.latencyOffset=1s", "-loggerLevel=ERROR"}
	}}
)

// metrics is a metrics server that scrapes pods every few seconds.
type metrics struct {
	server
	t       *testing.T
	program string
	folder  string
	address string
	process *exec.Cmd
	pods    []*pod
}

func newMetrics(t *testing.T, of server) *metrics {
	t.Helper()
	programs, err := binaries.Ensure(t.Context(), os.Stderr, of.name)
	if err != nil {
		t.Fatal(err)
	}
	m := &metrics{server: of, t: t, program: filepath.Join(programs, of.name), folder: t.TempDir(), address: fmt.Sprintf("127.0.0.1:%d", ports.Free(t))}
	t.Cleanup(func() { m.stop(syscall.SIGKILL) })
	return m
}

// start starts the server with the data that it has, and waits until it answers.
func (m *metrics) start() {
	m.t.Helper()
	m.configure()
	m.process = exec.Command(m.program, m.arguments(m.config(), filepath.Join(m.folder, "data"), m.address)...)
	m.process.Stderr = os.Stderr
	if err := m.process.Start(); err != nil {
		m.t.Fatal(err)
	}
	NewWithT(m.t).Eventually(m.ready, patience, glance).Should(BeTrue(), m.name+" starts")
}

func (m *metrics) ready() bool {
	response, err := http.Get("http://" + m.address + "/-/ready")
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// stop ends the server and waits for its end.
func (m *metrics) stop(signal syscall.Signal) {
	if m.process == nil {
		return
	}
	_ = m.process.Process.Signal(signal)
	_ = m.process.Wait()
	m.process = nil
}

// forget deletes all that the server, which must be stopped, has scraped.
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
	config.WriteString("global: {" + m.global + "}\n" +
		"scrape_configs:\n- job_name: pods\n  static_configs:\n")
	for _, p := range m.pods {
		_, _ = fmt.Fprintf(&config, "  - {targets: [%q], labels: {namespace: shop, pod: %s}}\n", p.address, p.name)
	}
	if err := os.WriteFile(m.config(), []byte(config.String()), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// scrape makes the server scrape one more pod.
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
