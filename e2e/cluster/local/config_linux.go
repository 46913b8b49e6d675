// Package local runs a Kubernetes cluster of one node as plain processes of this machine, in their own network, mount and
// process namespaces. When the first process ends, the kernel removes all others and their mounts, interfaces and firewall
// tables.
package local

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	nodeName       = "node"
	nodeAddress    = "10.30.0.1"
	serviceAddress = "10.96.0.1"
	dnsAddress     = "10.96.0.10"
	serviceRange   = "10.96.0.0/16"
	podRange       = "10.244.0.0/16"
	nodePodRange   = "10.244.0.0/24"
	cgroupRoot     = "sluice-cluster"

	// stateDir is the same for every checkout, so that any of them can clean up.
	stateDir = "/var/lib/sluice-cluster"
	// runDir holds sockets, whose paths must be short.
	runDir           = "/run/sluice-cluster"
	containerdSocket = runDir + "/containerd.sock"
	// PauseImage holds the namespaces of every pod.
	PauseImage = "sluice.dev/pause:dev"
)

// Ports are those of this machine's loopback address that lead to the API server, the gateway and Prometheus.
var Ports = []int{6443, 8080, 9090}

func pki(file string) string { return filepath.Join(stateDir, "pki", file) }

func writeConfigs(cniPlugins string) error {
	files := map[string]string{
		"containerd.toml":               containerdConfig(cniPlugins),
		"cni/10-bridge.conflist":        cniConfig,
		"kubelet.yaml":                  kubeletConfig,
		"kube-proxy.yaml":               proxyConfig,
		"kubeconfig/admin":              "",
		"kubeconfig/kubelet":            "",
		"kubeconfig/proxy":              "",
		"kubeconfig/scheduler":          "",
		"kubeconfig/controller-manager": "",
	}
	for name, content := range files {
		path := filepath.Join(stateDir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make %s: %w", filepath.Dir(path), err)
		}
		if user, isKubeconfig := strings.CutPrefix(name, "kubeconfig/"); isKubeconfig {
			var err error
			if content, err = kubeconfig(user); err != nil {
				return err
			}
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}

// kubeconfig is the same inside and outside the cluster's namespaces, because the API server has the same loopback address.
func kubeconfig(user string) (string, error) {
	read := func(file string) ([]byte, error) { return os.ReadFile(pki(file)) }
	ca, err := read("ca.crt")
	if err != nil {
		return "", fmt.Errorf("read certificate authority: %w", err)
	}
	certificate, err := read(user + ".crt")
	if err != nil {
		return "", fmt.Errorf("read certificate of %s: %w", user, err)
	}
	key, err := read(user + ".key")
	if err != nil {
		return "", fmt.Errorf("read key of %s: %w", user, err)
	}
	content, err := json.MarshalIndent(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "sluice",
		"clusters": []any{map[string]any{"name": "sluice", "cluster": map[string]any{
			"server": "https://127.0.0.1:6443", "certificate-authority-data": ca}}},
		"users": []any{map[string]any{"name": user, "user": map[string]any{
			"client-certificate-data": certificate, "client-key-data": key}}},
		"contexts": []any{map[string]any{"name": "sluice", "context": map[string]any{"cluster": "sluice", "user": user}}},
	}, "", "  ")
	return string(content), err
}

func containerdConfig(cniPlugins string) string {
	return fmt.Sprintf(`version = 3
root = "%[1]s/containerd"
state = "%[2]s/containerd"

[grpc]
  address = "%[3]s"

[ttrpc]
  address = "%[3]s.ttrpc"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "%[4]s"

[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  enable_selinux = false

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = false

[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["%[5]s"]
  conf_dir = "%[1]s/cni"
`, stateDir, runDir, containerdSocket, PauseImage, cniPlugins)
}

const cniConfig = `{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
      "ipam": {"type": "host-local", "ranges": [[{"subnet": "` + nodePodRange + `"}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "` + stateDir + `/ipam"}
    },
    {"type": "loopback"}
  ]
}
`

const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: ` + stateDir + `/pki/ca.crt}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /` + cgroupRoot + `
clusterDNS: [` + dnsAddress + `]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://` + containerdSocket + `
crashLoopBackOff: {maxContainerRestartPeriod: 1s}
enforceNodeAllocatable: []
evictionHard: {memory.available: 1Mi, nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
failCgroupV1: false
failSwapOn: false
imageGCHighThresholdPercent: 100
maxPods: 200
volumePluginDir: ` + stateDir + `/volume-plugins
nodeStatusUpdateFrequency: 5s
registryPullQPS: 0
resolvConf: ""
syncFrequency: 10s
`

const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: ` + stateDir + `/kubeconfig/proxy}
clusterCIDR: ` + podRange + `
conntrack: {maxPerCore: 0}
mode: nftables
nftables: {minSyncPeriod: 50ms}
`

// program is one process of the cluster.
type program struct {
	name string
	args []string
}

// stores start first. The others wait for the API server.
func stores() []program {
	return []program{
		{"etcd", []string{
			"--data-dir=" + stateDir + "/etcd", "--unsafe-no-fsync",
			"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
			"--listen-peer-urls=http://127.0.0.1:2380", "--log-level=warn",
		}},
		{"containerd", []string{"--config=" + stateDir + "/containerd.toml"}},
		{"kube-apiserver", []string{
			"--etcd-servers=http://127.0.0.1:2379",
			"--advertise-address=" + nodeAddress, "--secure-port=6443",
			"--service-cluster-ip-range=" + serviceRange,
			"--authorization-mode=Node,RBAC", "--allow-privileged",
			"--client-ca-file=" + pki("ca.crt"),
			"--tls-cert-file=" + pki("apiserver.crt"), "--tls-private-key-file=" + pki("apiserver.key"),
			"--kubelet-preferred-address-types=InternalIP",
			"--kubelet-client-certificate=" + pki("admin.crt"), "--kubelet-client-key=" + pki("admin.key"),
			"--service-account-key-file=" + pki("service-account.key"), "--service-account-signing-key-file=" + pki("service-account.key"),
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--requestheader-client-ca-file=" + pki("ca.crt"), "--requestheader-allowed-names=front-proxy",
			"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file=" + pki("front-proxy.crt"), "--proxy-client-key-file=" + pki("front-proxy.key"),
		}},
	}
}

func agents() []program {
	config := func(user string) string { return "--kubeconfig=" + stateDir + "/kubeconfig/" + user }
	return []program{
		{"kube-controller-manager", []string{
			config("controller-manager"), "--leader-elect=false", "--use-service-account-credentials",
			"--service-account-private-key-file=" + pki("service-account.key"), "--root-ca-file=" + pki("ca.crt"),
			"--cluster-signing-cert-file=" + pki("ca.crt"), "--cluster-signing-key-file=" + pki("ca.key"),
			"--allocate-node-cidrs=false", "--concurrent-deployment-syncs=5",
		}},
		{"kube-scheduler", []string{config("scheduler"), "--leader-elect=false"}},
		{"kubelet", []string{
			config("kubelet"), "--config=" + stateDir + "/kubelet.yaml", "--hostname-override=" + nodeName,
			"--node-ip=" + nodeAddress, "--root-dir=" + stateDir + "/kubelet", "--cert-dir=" + stateDir + "/kubelet-pki",
		}},
		{"kube-proxy", []string{"--config=" + stateDir + "/kube-proxy.yaml", "--hostname-override=" + nodeName}},
	}
}
