// Command argocd-driver compares and syncs a manifest like Argo CD's application controller, with the same engine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	usage = "expected argocd-driver status|sync|health -f FILE --kubeconfig FILE -n NAMESPACE"
	// manager is the field manager of Argo CD's server-side apply.
	manager = "argocd-controller"
)

// application is the content of an Application, and what it is compared with.
type application struct {
	namespace       string
	serverSideApply bool
	serverSideDiff  bool
	mutationWebhook bool
	selfHeal        bool
	settings        string

	config       *rest.Config
	kubectl      *kube.KubectlCmd
	target, live []*unstructured.Unstructured
}

var verbs = map[string]func(*application, context.Context) error{
	"status": (*application).status,
	"sync":   (*application).sync,
	"health": (*application).health,
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || verbs[args[0]] == nil {
		return errors.New(usage)
	}
	a := &application{kubectl: &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	manifest := flags.String("f", "", "the manifest to read")
	kubeconfig := flags.String("kubeconfig", "", "the credentials to use")
	flags.StringVar(&a.namespace, "n", "default", "the namespace of objects that name none")
	flags.BoolVar(&a.serverSideApply, "server-side-apply", true, "sync option ServerSideApply")
	flags.BoolVar(&a.serverSideDiff, "server-side-diff", true, "compare option ServerSideDiff")
	flags.BoolVar(&a.mutationWebhook, "include-mutation-webhook", false, "compare option IncludeMutationWebhook")
	flags.BoolVar(&a.selfHeal, "self-heal", false, "sync when out of sync")
	flags.StringVar(&a.settings, "settings", "", "the ConfigMap argocd-cm, for its health checks")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	var err error
	if a.config, err = clientcmd.BuildConfigFromFlags("", *kubeconfig); err != nil {
		return fmt.Errorf("read the kubeconfig %s: %w", *kubeconfig, err)
	}
	if err := a.read(ctx, *manifest); err != nil {
		return err
	}
	return verbs[args[0]](a, ctx)
}

// read adds the objects of the manifest, labelled as those of an Application, and their live versions.
func (a *application) read(ctx context.Context, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	if a.target, err = kube.SplitYAML(content); err != nil {
		return fmt.Errorf("read the manifest %s: %w", path, err)
	}
	for _, object := range a.target {
		object.SetNamespace(a.namespace)
		gvk := object.GroupVersionKind()
		live, err := a.kubectl.GetResource(ctx, a.config, gvk, object.GetName(), a.namespace)
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("get %s %s/%s: %w", gvk.Kind, a.namespace, object.GetName(), err)
		}
		if err != nil {
			live = nil
		}
		a.live = append(a.live, live)
		annotations := object.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations["argocd.argoproj.io/tracking-id"] = fmt.Sprintf("apps:%s/%s:%s/%s", gvk.Group, gvk.Kind, a.namespace, object.GetName())
		object.SetAnnotations(annotations)
	}
	return nil
}
