package plugin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"sluice.dev/sluice/internal/plugin/lint"
)

const (
	goodDeployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: podinfo, annotations: {sluice.dev/canary: \"true\", sluice.dev/policy: standard}}\n"
	badDeployment  = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations:\n    sluice.dev/stepweight: \"20\"\n"
	goodPolicy     = "apiVersion: sluice.dev/v1alpha1\nkind: CanaryPolicy\nmetadata: {name: standard}\nspec: {analysis: {stepWeight: 50}}\n"
	flaggerCanary  = "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: podinfo}\nspec: {targetRef: {kind: Deployment, name: podinfo}, analysis: {stepWeight: 50}}\n"
	flaggerAgent   = "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: agent}\nspec: {targetRef: {kind: DaemonSet, name: agent}}\n"
)

// run runs a command in a directory with these files.
func run(t *testing.T, files map[string]string, in string, args ...string) (out, told string, code int) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	streams, input, output, errors := genericiooptions.NewTestIOStreams()
	input.WriteString(in)
	cmd := NewCommand(streams)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	if err != nil && !IsPrinted(err) {
		errors.WriteString(err.Error())
	}
	return output.String(), errors.String(), ExitCode(err)
}

func TestWhatTheCommandsSayOfFilesAndArguments(t *testing.T) {
	files := map[string]string{
		"app/podinfo.yaml": goodDeployment, "app/policies/standard.yml": goodPolicy, "app/README.md": "no manifest",
		"bad.yaml": badDeployment, "broken.yaml": goodPolicy + "---\na: [\n", "flagger.yaml": flaggerCanary, "agent.yaml": flaggerAgent, "empty/x.txt": "",
		"text.yaml": "just a text\n", "nothing.yaml": "---\n# nothing\n",
	}
	for name, c := range map[string]struct {
		args, in  string
		code      int
		out, told string
	}{
		"lint of a directory, with all below it":         {args: "lint -f app -o wide", out: "podinfo: canary 50% every 30s, from CanaryPolicy/standard\n"},
		"lint of a policy that is not given only warns":  {args: "lint -f app/podinfo.yaml", out: "warning"},
		"lint with --strict does not let it pass":        {args: "lint --strict -f app/podinfo.yaml", code: 1, out: "warning"},
		"lint of files that belong together":             {args: "lint --strict -f app/podinfo.yaml -f app/policies/standard.yml"},
		"lint of what is piped in":                       {args: "lint -f -", in: badDeployment, code: 1, out: "stdin:6: Deployment/web: metadata.annotations[sluice.dev/stepweight]"},
		"lint of something wrong":                        {args: "lint -f bad.yaml", code: 1, out: "bad.yaml:6: Deployment/web: "},
		"lint of what is no YAML":                        {args: "lint -f broken.yaml", code: 1, out: "broken.yaml: yaml: line"},
		"lint of what is no object":                      {args: "lint -f text.yaml", code: 1, out: "text.yaml: line 1: must be a Kubernetes object"},
		"lint of a file that does not exist":             {args: "lint -f none.yaml", code: 2, told: "none.yaml"},
		"lint of a directory without manifests":          {args: "lint -f empty", code: 2, told: "empty contains no .yaml, .yml or .json files"},
		"lint of a file without objects":                 {args: "lint --strict -f nothing.yaml", told: "Nothing was checked: the files contain no objects"},
		"migrate of a file without objects":              {args: "migrate -f nothing.yaml", told: "Nothing was written: there is no Canary"},
		"migrate of what is not Flagger's":               {args: "migrate -f app", told: "Nothing was written: there is no Canary"},
		"migrate of all namespaces of files":             {args: "migrate -A -f flagger.yaml", code: 2, told: "--all-namespaces needs --from-cluster"},
		"a verb that does not exist":                     {args: "promot podinfo", code: 1, told: "unknown command: promot (kubectl sluice --help lists the commands); did you mean promote?"},
		"no verb":                                        {args: "", out: "Usage:\n  kubectl sluice\n  kubectl sluice [command]"},
		"get without a name":                             {args: "get", code: 1, told: "expected the name of one Canary: kubectl sluice get NAME; kubectl sluice list shows the names"},
		"get of two":                                     {args: "get a b", code: 1, told: "expected the name of one Canary"},
		"list with an argument":                          {args: "list podinfo", code: 1, told: "kubectl sluice list takes no arguments, got \"podinfo\": to show one Canary: kubectl sluice get NAME"},
		"a freeze with a reason that is not in quotes":   {args: "freeze --reason out of order", code: 1, told: "put a reason of several words in quotes"},
		"a freeze for a duration without a unit":         {args: "freeze --reason x --for 2", code: 1, told: "invalid argument \"2\" for \"--for\" flag: must be a duration with a unit, such as 30m or 2h (kubectl sluice freeze --help lists the flags)"},
		"a status with a time that is none":              {args: "status podinfo --timeout -5m", code: 1, told: "must be a duration with a unit, such as 30m or 2h"},
		"lint of nothing":                                {args: "lint", code: 2, told: "no manifests given"},
		"lint with a flag that does not exist":           {args: "lint --filenam x", code: 2, told: "unknown flag: --filenam (kubectl sluice lint --help lists the flags); did you mean --filename?"},
		"lint with an argument":                          {args: "lint app", code: 2, told: "kubectl sluice lint takes no arguments, got \"app\": name files with -f"},
		"lint with an unknown output":                    {args: "lint -f app -o yaml", code: 2, told: "--output yaml: must be wide or json"},
		"migrate of a file":                              {args: "migrate -f flagger.yaml", out: "# kubectl annotate deployment podinfo sluice.dev/canary=true sluice.dev/policy=podinfo\napiVersion: sluice.dev/v1alpha1\nkind: CanaryPolicy\n", told: "spec.targetRef: dropped"},
		"migrate of what is piped in":                    {args: "migrate -f -", in: flaggerCanary, out: "kind: CanaryPolicy\n"},
		"migrate of a target that cannot be taken over":  {args: "migrate -f agent.yaml", code: 1, told: "only Deployments can be opted in"},
		"migrate with Deployments":                       {args: "migrate --with-deployments -f flagger.yaml -f app/podinfo.yaml", out: "    sluice.dev/policy: podinfo\n  name: podinfo\n"},
		"migrate of what is no YAML":                     {args: "migrate -f broken.yaml", code: 1, told: "broken.yaml: yaml: line"},
		"migrate of nothing":                             {args: "migrate", code: 2, told: "expected either files or a cluster"},
		"migrate of a file that does not exist":          {args: "migrate -f none.yaml", code: 2, told: "none.yaml"},
		"migrate with an argument":                       {args: "migrate flagger.yaml", code: 2, told: "kubectl sluice migrate takes no arguments, got \"flagger.yaml\": name files with -f"},
		"migrate with a flag that does not exist":        {args: "migrate --filenam x", code: 2, told: "unknown flag"},
		"migrate of two things at once":                  {args: "migrate -f flagger.yaml --from-cluster", code: 2, told: "expected either files or a cluster"},
		"migrate of Deployments that are in the cluster": {args: "migrate --from-cluster --with-deployments", code: 2, told: "--with-deployments needs -f"},
	} {
		t.Run(name, func(t *testing.T) {
			out, told, code := run(t, files, c.in, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(told, c.told) || c.out == "" && out != "" {
				t.Errorf("exit code %d, out:\n%s\ntold:\n%s", code, out, told)
			}
		})
	}
}

func TestLintAsJSON(t *testing.T) {
	out, _, code := run(t, map[string]string{"bad.yaml": badDeployment, "app.yaml": goodDeployment + "---\n" + goodPolicy}, "", "lint", "-o", "json", "-f", "bad.yaml", "-f", "app.yaml")
	var report lint.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if code != ExitFindings || len(report.Findings) != 1 || report.Findings[0].Line != 6 || len(report.Strategies) != 1 || report.Strategies[0].Policies[0] != "CanaryPolicy/standard" {
		t.Errorf("exit code %d, %+v", code, report)
	}
}
