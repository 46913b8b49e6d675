package main

import (
	"strings"
	"testing"
)

func TestTheLeaseLastsLongerOnFewCores(t *testing.T) {
	for cores, want := range map[int]string{
		8: "leaderElection.leaseDuration=15s,leaderElection.renewDeadline=10s,leaderElection.retryPeriod=2s",
		2: "leaderElection.leaseDuration=30s,leaderElection.renewDeadline=20s,leaderElection.retryPeriod=4s",
	} {
		if got := lease(cores); got != want {
			t.Errorf("%d cores: got %s", cores, got)
		}
	}
}

func TestChooseProvider(t *testing.T) {
	for name, c := range map[string]struct {
		asked  string
		docker bool
		system string
		user   int
		want   string
		wrong  string
	}{
		"kind where Docker answers":                  {"", true, "linux", 1000, "kind", ""},
		"processes of the machine without Docker":    {"", false, "linux", 0, "local", ""},
		"local can be asked for despite Docker":      {"local", true, "linux", 0, "local", ""},
		"kind can be asked for":                      {"kind", false, "darwin", 501, "kind", ""},
		"without Docker and root it says what to do": {"", false, "linux", 1000, "", "run this as root on Linux"},
		"local needs Linux":                          {"local", true, "darwin", 0, "", "start Docker"},
		"kind needs a shell like those of Linux":     {"kind", true, "windows", -1, "", "WSL"},
		"anything else is refused":                   {"minikube", true, "linux", 0, "", "must be local or kind"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := chooseProvider(c.asked, func() bool { return c.docker }, c.system, c.user)
			if got != c.want || (c.wrong == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
