package admission

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// twins are two Deployments that get the same requests. One is opted in. The other shows what Kubernetes alone makes of them.
type twins struct {
	*testing.T
	rand        *rand.Rand
	ours, model cluster
	count       int
	log         []string
}

// content is what a manifest says about the pods: images by container, and the variables of the first container.
type content struct {
	images map[string]string
	env    map[string]string
	labels map[string]string
	args   []string
	// replicas are left to others if they are 0.
	replicas int
}

var (
	containerNames = []string{"app", "sidecar", "agent"}
	envNames       = []string{"A", "B", "C", "D"}
	labelNames     = []string{"team", "tier"}
)

// TestTheCandidateIsWhatKubernetesWouldRun sends random requests of several managers, with holds, promotions, failures and
// retries between them. At every moment the template and the replicas last requested must be those that the same requests give a
// Deployment that is not opted in.
func TestTheCandidateIsWhatKubernetesWouldRun(t *testing.T) {
	const requests = 14
	for seed := range uint64(*sequences) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newTwins(t, seed)
			for range requests {
				w.step()
				w.compare()
			}
		})
	}
}

func newTwins(t *testing.T, seed uint64) *twins {
	w := &twins{T: t, rand: rand.New(rand.NewPCG(seed, 1)), ours: newCluster(t), model: newCluster(t)}
	first := w.content()
	for _, c := range []cluster{w.ours, w.model} {
		if err := w.serverSide(c, "flux", first); err != nil {
			t.Fatal(err)
		}
		c.MakeAvailable()
	}
	return w
}

// unique values make sure that a request never asks for a value that the primary happens to have.
func (w *twins) unique(prefix string) string {
	w.count++
	return fmt.Sprintf("%s%d", prefix, w.count)
}

// number is a unique number of replicas, more or fewer than there are.
func (w *twins) number() int {
	w.count++
	return 1000*(1+w.rand.IntN(5)) + w.count
}

func (w *twins) content() content {
	c := content{images: map[string]string{"app": w.unique("podinfo:v")}, env: map[string]string{}, labels: map[string]string{}}
	for _, name := range containerNames[1:] {
		if w.rand.IntN(2) == 0 {
			c.images[name] = w.unique("podinfo:v")
		}
	}
	for _, name := range envNames {
		if w.rand.IntN(2) == 0 {
			c.env[name] = w.unique("")
		}
	}
	for _, name := range labelNames {
		if w.rand.IntN(2) == 0 {
			c.labels[name] = w.unique("l")
		}
	}
	if w.rand.IntN(2) == 0 {
		c.replicas = w.number()
	}
	for range w.rand.IntN(3) {
		c.args = append(c.args, w.unique("--flag="))
	}
	return c
}

// manifest is what a user keeps in a file.
func (w *twins) manifest(in cluster, c content) map[string]any {
	labels := map[string]any{"app": "podinfo"}
	for key, value := range c.labels {
		labels[key] = value
	}
	var containers []any
	for _, name := range slices.Sorted(maps.Keys(c.images)) {
		container := map[string]any{"name": name, "image": c.images[name]}
		if name == "app" {
			var env []any
			for _, key := range slices.Sorted(maps.Keys(c.env)) {
				env = append(env, map[string]any{"name": key, "value": c.env[key]})
			}
			container["env"], container["args"] = env, c.args
		}
		containers = append(containers, container)
	}
	spec := map[string]any{
		"selector": map[string]any{"matchLabels": map[string]any{"app": "podinfo"}},
		"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": map[string]any{"containers": containers}},
	}
	if c.replicas > 0 {
		spec["replicas"] = c.replicas
	}
	return map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "podinfo", "namespace": in.Namespace,
			"annotations": map[string]any{config.AnnotationCanary: fmt.Sprint(in.Namespace == w.ours.Namespace)}},
		"spec": spec,
	}
}

// both sends one request to each of the twins. Both must get the same answer.
func (w *twins) both(what string, request func(cluster) error) {
	w.log = append(w.log, what)
	ours, model := request(w.ours), request(w.model)
	if (ours == nil) != (model == nil) {
		w.Fatalf("%s\nthe opted-in one: %v\nthe other: %v", strings.Join(w.log, "\n"), ours, model)
	}
}

func (w *twins) step() {
	candidate := w.ours.Candidate()
	steps := []func(){w.applyServerSide, w.applyServerSide, w.applyClientSide, w.replace, w.scale}
	switch {
	case candidate != nil && candidate.Mark != workload.MarkNone:
		steps = append(steps, w.retry)
	case candidate != nil:
		steps = append(steps, w.set, w.set, w.edit, w.update, w.promote, w.promote, w.fail)
	default:
		steps = append(steps, w.set, w.edit, w.update)
	}
	steps[w.rand.IntN(len(steps))]()
}

func (w *twins) applyServerSide() {
	manager, c := []string{"flux", "argocd"}[w.rand.IntN(2)], w.content()
	w.both(fmt.Sprintf("%s applies %+v", manager, c), func(in cluster) error { return w.serverSide(in, manager, c) })
}

func (w *twins) serverSide(in cluster, manager string, c content) error {
	body, err := json.Marshal(w.manifest(in, c))
	if err != nil {
		return err
	}
	object := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: in.Namespace, Name: "podinfo"}}
	return server.Client.Patch(w.Context(), object, client.RawPatch(types.ApplyPatchType, body), client.FieldOwner(manager), client.ForceOwnership)
}

func (w *twins) applyClientSide() {
	c := w.content()
	w.both(fmt.Sprintf("kubectl applies %+v", c), func(in cluster) error { return w.file(in, c, "apply", "-f", "-") })
}

func (w *twins) replace() {
	c := w.content()
	w.both(fmt.Sprintf("kubectl replaces by %+v", c), func(in cluster) error { return w.file(in, c, "replace", "-f", "-") })
}

func (w *twins) file(in cluster, c content, args ...string) error {
	text, err := yaml.Marshal(w.manifest(in, c))
	if err != nil {
		return err
	}
	if out, err := in.run(string(text), args...); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// change reads an object, changes its first container and sends the difference, like kubectl set and kubectl edit.
func (w *twins) change(in cluster, manager string, change func(*corev1.Container)) error {
	live := in.Deployment()
	changed := live.DeepCopy()
	change(&changed.Spec.Template.Spec.Containers[slices.IndexFunc(changed.Spec.Template.Spec.Containers, isApp)])
	return server.Client.Patch(w.Context(), changed, client.StrategicMergeFrom(live), client.FieldOwner(manager))
}

func isApp(container corev1.Container) bool { return container.Name == "app" }

func (w *twins) set() {
	if w.rand.IntN(2) == 0 {
		image := w.unique("podinfo:v")
		w.both("kubectl sets image="+image, func(in cluster) error {
			return w.change(in, "kubectl-set", func(c *corev1.Container) { c.Image = image })
		})
		return
	}
	variable := corev1.EnvVar{Name: envNames[w.rand.IntN(len(envNames))], Value: w.unique("")}
	w.both(fmt.Sprintf("kubectl sets %s=%s", variable.Name, variable.Value), func(in cluster) error {
		return w.change(in, "kubectl-set", func(c *corev1.Container) {
			if i := slices.IndexFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == variable.Name }); i >= 0 {
				c.Env[i] = variable
				return
			}
			c.Env = append(c.Env, variable)
		})
	})
}

// edit removes a variable that both show. A user who edits the live object cannot see what only the candidate has.
func (w *twins) edit() {
	shown := envOf(w.ours.Deployment())
	var names []string
	for name := range envOf(w.model.Deployment()) {
		if _, seen := shown[name]; seen {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	name := names[w.rand.IntN(len(names))]
	w.both("kubectl edit removes "+name, func(in cluster) error {
		return w.change(in, "kubectl-edit", func(c *corev1.Container) {
			c.Env = slices.DeleteFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == name })
		})
	})
}

func envOf(d *appsv1.Deployment) map[string]string {
	values := map[string]string{}
	containers := d.Spec.Template.Spec.Containers
	for _, env := range containers[slices.IndexFunc(containers, isApp)].Env {
		values[env.Name] = env.Value
	}
	return values
}

// update gets the object, changes it and puts it back, as programs do.
func (w *twins) update() {
	label, value := labelNames[w.rand.IntN(len(labelNames))], w.unique("l")
	w.both(fmt.Sprintf("a program labels the pods %s=%s", label, value), func(in cluster) error {
		d := in.Deployment()
		d.Spec.Template.Labels[label] = value
		return server.Client.Update(w.Context(), d, client.FieldOwner("program"))
	})
}

func (w *twins) scale() {
	replicas := w.number()
	w.both(fmt.Sprintf("kubectl scales to %d", replicas), func(in cluster) error {
		body := fmt.Appendf(nil, `{"spec":{"replicas":%d},"metadata":{"labels":{"scaled":"%d"}}}`, replicas, replicas)
		return server.Client.Patch(w.Context(), in.Deployment(), client.RawPatch(types.MergePatchType, body), client.FieldOwner("kubectl-patch"))
	})
}

func (w *twins) promote() {
	w.ask(config.AnnotationPromote, w.ours.Candidate().ID().String())
	if w.rand.IntN(3) > 0 {
		w.ask(config.AnnotationSettle, idOf(w.T, w.ours.Deployment().Annotations[config.AnnotationPrevious]))
	}
}

func (w *twins) fail() { w.ask(config.AnnotationFail, w.ours.Candidate().ID().String()) }

func (w *twins) retry() {
	w.log = append(w.log, "kubectl asks to retry")
	w.ours.kubectl("", "annotate", "deployment", "podinfo", config.AnnotationRetry+"=true")
}

func (w *twins) ask(key, id string) {
	w.log = append(w.log, fmt.Sprintf("Sluice asks %s=%s", key, id))
	if err := w.ours.ask(key, id); err != nil {
		w.Fatalf("%s\n%v", strings.Join(w.log, "\n"), err)
	}
}

// compare checks what was last requested against the model.
func (w *twins) compare() {
	w.Helper()
	asked := w.ours.Deployment()
	wanted := asked.Spec.Template
	if candidate := w.ours.Candidate(); candidate != nil {
		pod, err := candidate.Template.Pod()
		if err != nil {
			w.Fatal(err)
		}
		wanted, asked = pod, candidate.Around.In(asked)
	}
	if got, want := *asked.Spec.Replicas, *w.model.Deployment().Spec.Replicas; got != want {
		w.Fatalf("%s\n\nasked for %d replicas, and Kubernetes makes of it %d", strings.Join(w.log, "\n"), got, want)
	}
	if got, want := templateOf(w.T, wanted), templateOf(w.T, w.model.Deployment().Spec.Template); !workload.Equal(got, want) {
		gotText, _ := yaml.Marshal(got)
		wantText, _ := yaml.Marshal(want)
		w.Fatalf("%s\n\nasked for:\n%s\nKubernetes makes of it:\n%s", strings.Join(w.log, "\n"), gotText, wantText)
	}
}

func templateOf(t *testing.T, pod corev1.PodTemplateSpec) workload.Template {
	t.Helper()
	template, err := workload.TemplateOf(pod)
	if err != nil {
		t.Fatal(err)
	}
	return template
}
