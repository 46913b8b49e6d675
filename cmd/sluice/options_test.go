package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"sluice.dev/sluice/config/process"
)

func TestFlagsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		wrong string
	}{
		"a level that does not exist": {[]string{"--namespace=a", "--log-level=loud"}, "must be one of debug, info, error"},
		"no namespace":                {[]string{"--namespace="}, "POD_NAMESPACE"},
		"a port that does not exist":  {[]string{"--namespace=a", "--webhook-port=0"}, "from 1 to 65535"},
		"a mistyped flag":             {[]string{"--prometeus-url=x"}, "unknown flag"},
		"an argument":                 {[]string{"start"}, "unknown command"},
		"no such file":                {[]string{"--namespace=a", "--config=/nowhere.yaml"}, "/nowhere.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command()
			cmd.SetArgs(c.args)
			if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %v, not %q", err, c.wrong)
			}
		})
	}
}

// effective returns the settings that follow from a configuration file and flags.
func effective(t *testing.T, file string, args ...string) (process.Settings, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	addFlags(flags)
	if err := flags.Parse(append(args, "--config="+path)); err != nil {
		t.Fatal(err)
	}
	return processOf(flags)
}

func TestFlagsOverrideTheFile(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "sluice-system")
	t.Setenv("NODE_ADDRESSES", "10.1.2.3,fd00::a:3")
	file := "logLevel: debug\nwatchNamespaces: [a]\nleaderElection: {enabled: false}\nwebhook: {port: 1234}\ncerts: {validity: 5h}\noutbound: {allow: [10.1.0.0/16]}\n"
	settings, err := effective(t, file, "--watch-namespaces=b,c", "--webhook-port=9443", "--cert-validity=7h")
	if err != nil {
		t.Fatal(err)
	}
	if settings.LogLevel != "debug" || settings.LeaderElection.Enabled || settings.Namespace != "sluice-system" {
		t.Errorf("what no flag sets must be that of the file: %+v", settings)
	}
	if rules := rulesOf(settings.Outbound); fmt.Sprint(rules.Node, rules.Allow) != "[10.1.2.3 fd00::a:3] [10.1.0.0/16]" {
		t.Errorf("the rules for outbound requests are %+v", rules)
	}
	if strings.Join(settings.WatchNamespaces, " ") != "b c" || settings.Webhook.Port != 9443 || settings.Certs.Validity.Duration.Hours() != 7 {
		t.Errorf("a flag that is given must win, also with the default's value: %+v", settings)
	}
}

func TestMistakesInTheFileNameTheFile(t *testing.T) {
	_, err := effective(t, "metrics: {secur: true}", "--namespace=a")
	if err == nil || !strings.Contains(err.Error(), "metrics.secur") || !strings.Contains(err.Error(), "config.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestMemoryLimitLeavesRoom(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	t.Setenv("GOMEMLIMIT", "")
	if limit, err := limitMemory("536870912"); err != nil || limit != 483183819 || debug.SetMemoryLimit(-1) != limit {
		t.Errorf("limit %d, %v, in force %d", limit, err, debug.SetMemoryLimit(-1))
	}
	if _, err := limitMemory("512Mi"); err == nil || !strings.Contains(err.Error(), "MEMORY_LIMIT") {
		t.Errorf("got %v", err)
	}
	t.Setenv("GOMEMLIMIT", "1GiB")
	if limit, err := limitMemory("100"); err != nil || limit == 90 {
		t.Errorf("GOMEMLIMIT must win: %d, %v", limit, err)
	}
}
