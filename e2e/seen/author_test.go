package seen

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/client-go/rest"

	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/author"
)

// asking asks as authors over a connection.
func asking(connection *rest.Config, options author.Options) (*author.Author, error) {
	options.Self, options.Timeout = testserver.Identity, cmp.Or(options.Timeout, 10*time.Second)
	return author.New(connection, options)
}

func TestWhatBecomesOfAChangeWithoutAnAnswer(t *testing.T) {
	s := newShop(t)
	s.as("", "", "annotate", "deployment", "podinfo", "sluice.dev/suspend=true")
	nobody := limited(t)
	for name, c := range map[string]struct {
		connection *rest.Config
		timeout    time.Duration
		why        string
	}{
		"no time":   {server.ReconcilerConfig, time.Nanosecond, "context deadline exceeded"},
		"no rights": {nobody, 0, "cannot impersonate"},
		"no server": {&rest.Config{Host: "https://127.0.0.1:1"}, 0, "connection refused"},
	} {
		for i, ignore := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", ignored ", ignore), func(t *testing.T) {
				asked, err := asking(c.connection, author.Options{Timeout: c.timeout, Ignore: ignore})
				s.Expect(err).NotTo(HaveOccurred())
				server.AskAs(asked.Ask)
				t.Cleanup(func() { server.AskAs(nil) })
				out, err := s.try(pat, "", wants(fmt.Sprintf("podinfo:%s-%d", name[3:], i), "default")...)
				if !ignore {
					s.Expect(err).To(HaveOccurred())
					s.Expect(out).To(And(ContainSubstring("spec.template: the API server could not be asked what the cluster's policies say of it for pat: "), ContainSubstring(c.why)))
					return
				}
				s.Expect(err).NotTo(HaveOccurred(), out)
				s.Expect(out).To(And(ContainSubstring("held back as canary"), ContainSubstring("the cluster's policies have not judged this template for pat: ")))
			})
		}
	}
}

func TestNobodyActsAsAMemberOfSystemMasters(t *testing.T) {
	s := newShop(t)
	s.asked(author.Options{})
	s.Expect(s.as("", "", wants("podinfo:v2", "default")...)).To(ContainSubstring("jane is in the group system:masters, and Sluice acts as none of its members"))
	warnings, err := (&author.Author{}).Ask(t.Context(), authenticationv1.UserInfo{Username: "root", Groups: []string{"a", "system:masters"}}, nil, true)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(warnings).To(HaveLen(1))
}
