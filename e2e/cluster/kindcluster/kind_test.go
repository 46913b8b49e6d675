package kindcluster

import (
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestConfigMapsThePortsToLoopbackOnly(t *testing.T) {
	var config struct {
		Kind  string `json:"kind"`
		Name  string `json:"name"`
		Nodes []struct {
			Role              string `json:"role"`
			ExtraPortMappings []struct {
				ContainerPort int    `json:"containerPort"`
				HostPort      int    `json:"hostPort"`
				ListenAddress string `json:"listenAddress"`
			} `json:"extraPortMappings"`
		} `json:"nodes"`
		APIVersion string `json:"apiVersion"`
	}
	if err := yaml.UnmarshalStrict([]byte(Config()), &config); err != nil {
		t.Fatal(err)
	}
	var ports []int
	for _, mapping := range config.Nodes[0].ExtraPortMappings {
		if mapping.ContainerPort != mapping.HostPort || mapping.ListenAddress != "127.0.0.1" {
			t.Errorf("mapping %+v is not of the same port on loopback", mapping)
		}
		ports = append(ports, mapping.HostPort)
	}
	if config.Kind != "Cluster" || config.Name != name || !slices.Equal(ports, []int{8080, 9090}) {
		t.Errorf("got %+v", config)
	}
}

func TestCommandLines(t *testing.T) {
	for what, c := range map[string]struct{ got, want []string }{
		"create": {CreateArgs("c.yaml", "k"), []string{"create", "cluster", "--config", "c.yaml", "--kubeconfig", "k", "--wait", "120s"}},
		"delete": {DeleteArgs(), []string{"delete", "cluster", "--name", "sluice"}},
		"load":   {LoadArgs("a.tar"), []string{"load", "image-archive", "a.tar", "--name", "sluice"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: kind %v, not %v", what, c.got, c.want)
		}
	}
}
