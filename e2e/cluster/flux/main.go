// Command flux-driver does with a manifest what Flux's kustomize-controller does at each interval, with the same library.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/fluxcd/pkg/ssa"
	ssautils "github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const usage = "expected flux-driver reconcile|diff|health -f FILE --kubeconfig FILE -n NAMESPACE"

// kustomization is what the controller works with.
type kustomization struct {
	manager *ssa.ResourceManager
	objects []*unstructured.Unstructured
	// file is the manifest of the Kustomization, for its health checks.
	file string
}

// verbs are the operations on the objects of a manifest.
var verbs = map[string]func(*kustomization, context.Context) error{
	"reconcile": (*kustomization).reconcile,
	"diff":      (*kustomization).diff,
	"health":    (*kustomization).health,
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
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	manifest := flags.String("f", "", "the manifest to read")
	kubeconfig := flags.String("kubeconfig", "", "the credentials to use")
	namespace := flags.String("n", "default", "the namespace of objects that name none")
	k := &kustomization{}
	flags.StringVar(&k.file, "kustomization", "", "a Kustomization whose healthCheckExprs are used")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	var err error
	if k.objects, err = read(*manifest, *namespace); err != nil {
		return err
	}
	if k.manager, err = connect(*kubeconfig); err != nil {
		return err
	}
	return verbs[args[0]](k, ctx)
}

// read returns the objects of a manifest, in their namespace.
func read(path, namespace string) ([]*unstructured.Unstructured, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	defer func() { _ = file.Close() }()
	objects, err := ssautils.ReadObjects(file)
	if err != nil {
		return nil, fmt.Errorf("read the manifest %s: %w", path, err)
	}
	for _, object := range objects {
		if object.GetNamespace() == "" {
			object.SetNamespace(namespace)
		}
	}
	return objects, nil
}

func connect(kubeconfig string) (*ssa.ResourceManager, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig %s: %w", kubeconfig, err)
	}
	kube, err := client.New(config, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	return ssa.NewResourceManager(kube, nil, ssa.Owner{Field: controller, Group: group}), nil
}
