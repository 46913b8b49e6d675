package migrate

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// proof is a test that shows what fields do. Its case, if it has several, is a key of its table, or a story.
type proof struct {
	dir, test, shows string
	paths            []string
}

const (
	creates = "internal/route"
	rolls   = "rollout"
	stories = "TestStories"
)

// proofs show that what a row calls the same has the same outcome.
var proofs = []proof{
	{"internal/workload", "TestAutoscalerOf", "the kind that is named", []string{"spec.autoscalerRef.kind"}},
	{"internal/workload", "TestAutoscalerOf", "the one that is named", []string{"spec.autoscalerRef.name"}},
	{rolls, "TestWhatIsRefusedIsRefusedWithAWord", "autoscalerRef.apiVersion", []string{"spec.autoscalerRef.apiVersion"}},
	{rolls, stories, "the analysis is skipped by an annotation", []string{"spec.skipAnalysis"}},

	{"internal/workload", "TestMakeService", "a port that is named in place of its number",
		[]string{"spec.service.portName", "spec.service.targetPort", "spec.service.portDiscovery"}},
	{"internal/workload", "TestTheCanaryServiceIsHeadlessLikeThePrimarys", "",
		[]string{"spec.service.appProtocol", "spec.service.trafficDistribution", "spec.service.headless", "spec.service.canary.labels", "spec.service.canary.annotations"}},
	{"internal/workload", "TestMetadataOfAPolicyNeverTakesOurKeys", "", []string{"spec.service.primary.labels", "spec.service.primary.annotations"}},
	{creates, "TestGenerate", "a name, labels and annotations of its own", []string{"spec.service.apex.labels", "spec.service.apex.annotations"}},
	{creates, "TestGenerate", "timeouts, retries and permanent copies", []string{"spec.service.timeout", "spec.service.mirror[].backendRef"}},
	{creates, "TestGenerate", "a timeout of the backend", []string{"spec.service.backendTimeout"}},
	{creates, "TestGenerate", "any kind of parent, with its listener", []string{"spec.service.gatewayRefs[].kind", "spec.service.gatewayRefs[].name",
		"spec.service.gatewayRefs[].namespace", "spec.service.gatewayRefs[].sectionName", "spec.service.gatewayRefs[].port"}},
	{creates, "TestGenerate", "a host at a gateway", []string{"spec.service.hosts"}},
	{creates, "TestGenerate", "matches by all that the Gateway API knows", []string{"spec.service.match[].uri", "spec.service.match[].method"}},
	{rolls, "TestWhatDoesNothingIsAcceptedWithAWord", "service.match[].name", []string{"spec.service.match[].name"}},
	{creates, "TestGenerate", "a rewrite of the whole path and the host", []string{"spec.service.rewrite.uri", "spec.service.rewrite.authority"}},
	{creates, "TestGenerate", "a rewrite of the prefix", []string{"spec.service.rewrite.type"}},
	{creates, "TestGenerate", "headers of requests and answers", []string{
		"spec.service.headers.request.set", "spec.service.headers.request.add", "spec.service.headers.request.remove",
		"spec.service.headers.response.set", "spec.service.headers.response.add", "spec.service.headers.response.remove"}},
	{creates, "TestGenerate", "the policy of the walk-through for browsers of other origins", []string{"spec.service.corsPolicy.allowOrigin", "spec.service.corsPolicy.allowMethods",
		"spec.service.corsPolicy.allowHeaders", "spec.service.corsPolicy.exposeHeaders", "spec.service.corsPolicy.allowCredentials"}},

	{rolls, stories, "one bad interval of ten does not roll back with threshold 5", []string{"spec.analysis.interval"}},
	{rolls, stories, "five failed intervals of ten roll back with threshold 5", []string{"spec.analysis.threshold"}},
	{rolls, "TestAMetricWithAnIntervalLooksThatFarBack", "", []string{"spec.analysis.metrics[].interval"}},
	{rolls, stories, "the primary takes its requests back bit by bit", []string{"spec.analysis.stepWeightPromotion"}},
	{rolls, stories, "copies of requests rise with the iterations", []string{"spec.analysis.mirror"}},
	{rolls, stories, "three of four canary replicas are enough", []string{"spec.analysis.primaryReadyThreshold", "spec.analysis.canaryReadyThreshold"}},
	{"rollout/cookies", "TestAUserIsKeptAtThePrimaryForTheWholeRollout", "", []string{"spec.analysis.sessionAffinity.primaryCookieName"}},
	{"internal/analysis", "TestJudgeChecksOfAPolicy", "a threshold alone is the greatest duration", []string{"spec.analysis.metrics[].threshold"}},
	{"internal/analysis", "TestQueriesOfACheckWithItsOwn", "", []string{"spec.analysis.metrics[].query"}},
	{"internal/analysis", "TestRender", "all names", []string{"spec.analysis.metrics[].templateVariables"}},
	{"internal/reconciler", "TestReadTemplates", "", []string{"spec.analysis.metrics[].templateRef.name", "spec.analysis.metrics[].templateRef.namespace"}},
	{rolls, stories, "every hook says yes", []string{"spec.analysis.webhooks[].type"}},
	{"internal/hooks", "TestAnswers", "no answer in time", []string{"spec.analysis.webhooks[].timeout"}},
	{"internal/hooks", "TestAnswers", "500 as often as is said", []string{"spec.analysis.webhooks[].retries"}},
	{"internal/hooks", "TestCertificatesAreVerifiedUnlessTheHookSaysOtherwise", "", []string{"spec.analysis.webhooks[].disableTLS"}},
	{rolls, "TestHooksAreSentWhatFlaggerSends", "", []string{"spec.analysis.webhooks[].metadata"}},

	{rolls, "TestTheStatusCounts", "phases of a promotion", []string{"status.phase"}},
	{rolls, "TestTheStatusCounts", "failed checks until a rollback", []string{"status.failedChecks"}},
	{rolls, "TestTheTimeOfTheLastTransitionIsThatOfPhaseAndWeight", "", []string{"status.lastTransitionTime"}},
	{"internal/provider/prometheus", "TestQueriesAreAnsweredByTheServersThatTheyName", "", []string{"spec.provider.headers", "spec.provider.insecureSkipVerify"}},
}

// ofCookies are the fields of a cookie, each a case of one test.
var ofCookies = []string{"maxAge", "domain", "path", "httpOnly", "secure", "partitioned", "sameSite"}

// allProofs are the proofs with those that follow a pattern.
func allProofs() []proof {
	all := slices.Clone(proofs)
	for _, name := range ofCookies {
		all = append(all, proof{"rollout/cookies", "TestEachFieldIsInTheCookie", name, []string{"spec.analysis.sessionAffinity." + name}})
	}
	return all
}

// testsIn returns the text of the tests of a directory of the module.
func testsIn(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../..", dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", dir, err)
	}
	var all strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(content)
	}
	return all.String()
}

// missing says why a text of tests does not have a proof; empty if it has.
func (p proof) missing(tests string) string {
	switch {
	case !strings.Contains(tests, "func "+p.test+"(t *testing.T)"):
		return "there is no " + p.test
	case p.shows != "" && !strings.Contains(tests, fmt.Sprintf("%q:", p.shows)):
		return fmt.Sprintf("%s has no case %q", p.test, p.shows)
	}
	return ""
}

func TestWhatIsTheSameIsProven(t *testing.T) {
	tests, proven := map[string]string{}, map[string]bool{}
	for _, p := range allProofs() {
		if tests[p.dir] == "" {
			tests[p.dir] = testsIn(t, p.dir)
		}
		if why := p.missing(tests[p.dir]); why != "" {
			t.Errorf("%s: %s", p.dir, why)
		}
		for _, path := range p.paths {
			proven[path] = true
		}
	}
	for _, each := range tables {
		for _, r := range each.rows {
			if r.verdict == same && !proven[r.path] {
				t.Errorf("%s: %s is said to be the same: name the test that shows it, or choose another word", each.kind, r.path)
			}
			delete(proven, r.path)
		}
	}
	for path := range proven {
		t.Errorf("a test is said to prove %s, which no row has", path)
	}
}

func TestAProofThatIsNoneIsFound(t *testing.T) {
	const tests = "func TestA(t *testing.T) {\n\"a case\": {},\n}"
	for name, c := range map[string]struct {
		proof
		missing bool
	}{
		"a test":                  {proof{test: "TestA"}, false},
		"a case":                  {proof{test: "TestA", shows: "a case"}, false},
		"no such test":            {proof{test: "Test"}, true},
		"no such case":            {proof{test: "TestA", shows: "case"}, true},
		"a case of no such test":  {proof{test: "TestB", shows: "a case"}, true},
		"a test with another end": {proof{test: "TestAB"}, true},
	} {
		if got := c.proof.missing(tests) != ""; got != c.missing {
			t.Errorf("%s: it is said to be missing: %t", name, got)
		}
	}
}
