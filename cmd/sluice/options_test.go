package main

import (
	"strings"
	"testing"
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

func TestCredentialsAreNotLogged(t *testing.T) {
	if got := redacted("http://jane:secret@prometheus:9090"); strings.Contains(got, "secret") || !strings.Contains(got, "prometheus:9090") {
		t.Errorf("the log would say %s", got)
	}
}
