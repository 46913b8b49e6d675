package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/emergency"
	"sluice.dev/sluice/internal/route"
)

// requestLimit is how long one request of an emergency may take: an API server that waits for a webhook must not stop the rest.
const requestLimit = 30 * time.Second

// emergencyTimeout allows for the lease of a replica that is short of CPU, and for the start of one.
const emergencyTimeout = 2 * time.Minute

// alarm holds the flags of emergency.
type alarm struct {
	namespace string
	reason    string
	force     bool
	dryRun    bool
	timeout   span
}

func (p *plugin) emergencyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "emergency",
		Short: "Turn Sluice off for the whole cluster, without its help, and on again",
		Long: "Turn Sluice off for the whole cluster when it is down or wrong, and on again. This needs no replica of Sluice, only the\n" +
			"ClusterRole sluice-emergency.\n\n" +
			"  off     no request calls Sluice, it does not reconcile, and all requests go to primaries\n" +
			"  on      brings everything back, and says what changed meanwhile\n" +
			"  status  says whether Sluice is off, since when, by whom, and what is not guarded",
		Example: "  kubectl sluice emergency off --reason \"its image cannot be pulled\"\n  kubectl sluice emergency status\n  kubectl sluice emergency on",
		Args:    noVerb,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var a alarm
	cmd.PersistentFlags().StringVar(&a.namespace, "sluice-namespace", emergency.DefaultNamespace, "The namespace of Sluice, where its webhooks do not name it")
	off := p.forEmergency("off", "Turn Sluice off: no request calls it, and all requests go to primaries", &a, emergencySession.off)
	off.Flags().StringVar(&a.reason, "reason", "", "Why, in one sentence; recorded, and shown by emergency status")
	on := p.forEmergency("on", "Bring Sluice back, and say what changed meanwhile", &a, emergencySession.on)
	for verb, force := range map[*cobra.Command]string{
		off: "Take the requests of a canary away even if its primary has no available replica",
		on:  "Do not wait for a replica that is ready: until there is one, every change of an opted-in Deployment is rejected",
	} {
		verb.Flags().BoolVar(&a.force, "force", false, force)
		verb.Flags().BoolVar(&a.dryRun, "dry-run", false, "Only say what would be done")
		a.timeout = span(emergencyTimeout)
		verb.Flags().Var(&a.timeout, "timeout", "The time limit, such as 2m")
	}
	cmd.AddCommand(off, on, p.forEmergency("status", "Say whether Sluice is off, since when, by whom, and what is not guarded", &a, emergencySession.status))
	return cmd
}

// emergencySession is one connection with the rights of sluice-emergency.
type emergencySession struct {
	*plugin
	alarm
	client client.Client
}

// forEmergency makes a verb without arguments.
func (p *plugin) forEmergency(use, short string, a *alarm, run func(emergencySession, context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use:               use,
		Short:             short,
		Args:              noArguments("it works on the whole cluster"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.emergencyClient()
			if err != nil {
				return err
			}
			return run(emergencySession{plugin: p, alarm: *a, client: c}, cmd.Context())
		},
	}
}

// emergencyClient asks for no discovery: an API service that does not answer must not stop it.
func (p *plugin) emergencyClient() (client.Client, error) {
	restConfig, err := p.flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	if restConfig.Timeout == 0 {
		restConfig.Timeout = requestLimit
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, v1alpha1.AddToScheme, admissionregistrationv1.AddToScheme,
		authenticationv1.AddToScheme, autoscalingv1.AddToScheme, coordinationv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("register types: %w", err)
		}
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	hooks := admissionregistrationv1.SchemeGroupVersion
	mapper.Add(hooks.WithKind("MutatingWebhookConfiguration"), meta.RESTScopeRoot)
	mapper.Add(hooks.WithKind("ValidatingWebhookConfiguration"), meta.RESTScopeRoot)
	mapper.Add(authenticationv1.SchemeGroupVersion.WithKind("SelfSubjectReview"), meta.RESTScopeRoot)
	mapper.Add(v1alpha1.GroupVersion.WithKind("Freeze"), meta.RESTScopeRoot)
	mapper.Add(v1alpha1.GroupVersion.WithKind("Canary"), meta.RESTScopeNamespace)
	mapper.Add(appsv1.SchemeGroupVersion.WithKind("Deployment"), meta.RESTScopeNamespace)
	mapper.Add(coordinationv1.SchemeGroupVersion.WithKind("Lease"), meta.RESTScopeNamespace)
	for _, kind := range []string{route.HTTP, route.GRPC} {
		mapper.Add(schema.GroupVersion(gatewayv1.GroupVersion).WithKind(kind), meta.RESTScopeNamespace)
	}
	c, err := client.New(restConfig, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return c, nil
}

// options are what the flags say, for the user that the API server knows.
func (s emergencySession) options(ctx context.Context) emergency.Options {
	review := &authenticationv1.SelfSubjectReview{}
	by := "unknown"
	if err := s.client.Create(ctx, review); err == nil {
		by = review.Status.UserInfo.Username
	}
	return emergency.Options{By: by, Reason: s.reason, Now: s.now(), Force: s.force}
}

// throw returns the switch, which prints what it does.
func (s emergencySession) throw(ctx context.Context) *emergency.Switch {
	return &emergency.Switch{Client: s.client, Namespace: s.namespace, Options: s.options(ctx),
		Tell: func(step emergency.Step, err error) { _ = writePage(s.Out, func(p *page) { p.step(step, err) }) },
		Wait: func(why string) { _ = writePage(s.Out, func(p *page) { p.printf("Waiting %s\n", why) }) },
	}
}

func (s emergencySession) off(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.timeout))
	defer cancel()
	if s.dryRun {
		w := emergency.Read(ctx, s.client, s.namespace)
		return s.ends(emergency.Would(w, s.options(ctx)), func(p *page) { p.wouldTurnOff(w, emergency.TurnOff(w, s.options(ctx))) })
	}
	w, left := s.throw(ctx).Off(ctx)
	return s.ends(left, func(p *page) { p.turnedOff(w) })
}

func (s emergencySession) on(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.timeout))
	defer cancel()
	before := emergency.Read(ctx, s.client, s.namespace)
	if s.dryRun {
		on, err := emergency.TurnOn(before, s.options(ctx))
		if err != nil {
			return err
		}
		return s.ends(nil, func(p *page) { p.wouldTurnOn(before, on) })
	}
	left := s.throw(ctx).On(ctx)
	return s.ends(left, func(p *page) { p.turnedOn(before, len(left) == 0) })
}

func (s emergencySession) status(ctx context.Context) error {
	w := emergency.Read(ctx, s.client, s.namespace)
	return s.ends(emergency.Unread(w), func(p *page) { p.emergencyStatus(w, emergency.TurnOff(w, s.options(ctx))) })
}

// ends prints a page and what is left, which is an error.
func (s emergencySession) ends(left []string, fill func(*page)) error {
	err := writePage(s.Out, func(p *page) {
		fill(p)
		p.list(emergency.List{Title: "Left to do:", Items: left})
	})
	if err == nil && len(left) > 0 {
		return codedError{code: ExitError}
	}
	return err
}
