package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"sluice.dev/sluice/internal/plugin/manifest"
	"sluice.dev/sluice/internal/plugin/migrate"
)

// sources say where the objects come from.
type sources struct {
	names                   []string
	fromCluster, everywhere bool
}

func (p *plugin) migrateCommand() *cobra.Command {
	var from sources
	var options migrate.Options
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Convert Flagger manifests to Sluice manifests",
		Long: "Convert Flagger's Canaries, MetricTemplates and AlertProviders to Sluice manifests. The manifests go to stdout. A note on\n" +
			"every field that is not copied as it is goes to stderr. The exit code says how it went:\n\n" +
			"  0  everything was converted\n  1  an object could not be converted, or a file is not a manifest\n  2  wrong usage, or a file that does not exist",
		Example: "  kubectl sluice migrate -f flagger/ > sluice.yaml\n  kubectl sluice migrate --from-cluster -A > sluice.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from.fromCluster == (len(from.names) > 0) {
				return usageError{errors.New("expected either files or a cluster to migrate from: give -f FILE, -f DIRECTORY or -f - for stdin, or --from-cluster")}
			}
			if from.fromCluster && options.WithDeployments {
				return usageError{errors.New("--with-deployments needs -f: to opt in Deployments of a cluster, run the commands that migrate prints")}
			}
			if from.everywhere && !from.fromCluster {
				return usageError{errors.New("--all-namespaces needs --from-cluster: objects in files name their own namespaces")}
			}
			objects, err := p.objectsFrom(cmd.Context(), from)
			if err != nil {
				return err
			}
			return p.writeMigration(migrate.Migrate(objects, options))
		},
	}
	cmd.Flags().StringArrayVarP(&from.names, "filename", "f", nil, "File or directory with Flagger manifests, or - for stdin; can be repeated")
	cmd.Flags().BoolVar(&from.fromCluster, "from-cluster", false, "Read Flagger objects from the cluster")
	cmd.Flags().BoolVarP(&from.everywhere, "all-namespaces", "A", false, "Read the objects of all namespaces; needs --from-cluster")
	cmd.Flags().BoolVar(&options.WithDeployments, "with-deployments", false, "Also write the target Deployments found in the files, opted in; needs -f")
	return ofFiles(cmd)
}

// objectsFrom reads all objects before any is converted.
func (p *plugin) objectsFrom(ctx context.Context, from sources) ([]manifest.Object, error) {
	if from.fromCluster {
		return p.objectsOfFlagger(ctx, from.everywhere)
	}
	files, err := readFiles(from.names, p.In)
	if err != nil {
		return nil, usageError{err}
	}
	var objects []manifest.Object
	for _, each := range files {
		if each.mistake != nil {
			return nil, fmt.Errorf("%s: %w", each.name, each.mistake)
		}
		objects = append(objects, each.objects...)
	}
	return objects, nil
}

// objectsOfFlagger reads the objects of Flagger from the cluster, Canaries first.
func (p *plugin) objectsOfFlagger(ctx context.Context, everywhere bool) ([]manifest.Object, error) {
	restConfig, err := p.flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	namespace, _, err := p.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, fmt.Errorf("find the namespace: %w", err)
	}
	if everywhere {
		namespace = metav1.NamespaceAll
	}
	reader, err := dynamic.NewForConfig(restConfig)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	var objects []manifest.Object
	for _, resource := range []string{"canaries", "metrictemplates", "alertproviders"} {
		kind := schema.GroupVersionResource{Group: "flagger.app", Version: "v1beta1", Resource: resource}
		list, err := reader.Resource(kind).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("the cluster has no %s.flagger.app/v1beta1: check that Flagger is installed there, or give its manifests with -f", resource)
		}
		if err != nil {
			return nil, fmt.Errorf("list %s.flagger.app: %w", resource, err)
		}
		for i := range list.Items {
			objects = append(objects, manifest.Object{Content: list.Items[i].Object})
		}
	}
	return objects, nil
}

// writeMigration writes the manifests to stdout and everything else to stderr.
func (p *plugin) writeMigration(result migrate.Result) error {
	text, err := migrate.YAML(result.Objects)
	if err != nil {
		return err
	}
	if _, err := p.Out.Write(text); err != nil {
		return err
	}
	var page page
	for _, note := range result.Notes {
		page.printf("%s\n", note)
	}
	if len(result.Objects) == 0 && !result.Failed() {
		page.printf("Nothing was written: there is no Canary, MetricTemplate or AlertProvider of Flagger to convert\n")
	}
	if len(result.Commands) > 0 {
		page.printf("\nApply the policies and release the Deployments from Flagger (see docs/how-to/migrating-from-flagger.md). Then opt them in:\n")
	}
	for _, command := range result.Commands {
		page.printf("  %s\n", command)
	}
	if err := page.writeTo(p.ErrOut); err != nil {
		return err
	}
	if result.Failed() {
		return codedError{ExitFindings}
	}
	return nil
}
