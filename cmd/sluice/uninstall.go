package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"sluice.dev/sluice/internal/uninstall"
)

// uninstallTimeout allows for gateways that are slow to report and for the controller's pods to terminate.
const uninstallTimeout = 4 * time.Minute

func uninstallCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "End all rollouts, restore their routes and stop the controller (the chart runs this before it is uninstalled)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := processOf(cmd.Flags())
			if err != nil {
				return err
			}
			ctrl.SetLogger(zap.New(zap.Level(levelOf(settings.LogLevel))))
			scheme, err := newScheme()
			if err != nil {
				return err
			}
			restConfig, err := ctrl.GetConfig()
			if err != nil {
				return fmt.Errorf("find the cluster: %w", err)
			}
			c, err := client.New(restConfig, client.Options{Scheme: scheme})
			if err != nil {
				return fmt.Errorf("connect to the cluster: %w", err)
			}
			return uninstall.Run(ctrl.LoggerInto(cmd.Context(), ctrl.Log.WithName("uninstall")), c, uninstall.Options{
				Namespace:       settings.Namespace,
				Deployment:      "sluice",
				Lease:           leaseName,
				LeaseDuration:   settings.LeaderElection.LeaseDuration.Duration,
				Timeout:         timeout,
				WatchNamespaces: settings.WatchNamespaces,
			})
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", uninstallTimeout, "time limit for the whole command")
	return cmd
}
