package main

import (
	"context"
	"time"

	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
	played "sluice.dev/sluice/internal/simulate/traffic"
)

const (
	// disturbedFrom is how many seconds after the canary's first request a disturbance begins, disturbedFor how long it lasts.
	disturbedFrom played.Seconds = 20
	disturbedFor  played.Seconds = 60
	// burstSize is how many requests fail together, and burstEvery the time from one burst to the next.
	burstSize  = 5
	burstEvery = 20 * time.Second
	// burstShare is the share of the 50 requests a second that fail in bursts.
	burstShare = burstSize / (50.0 * 20)
	// gap is how long nothing is scraped.
	gap = 30 * time.Second
)

// failingPath answers 503 at either version.
const failingPath = "status/503"

// disturbance is something that is not the version's fault.
type disturbance struct {
	do func(ctx context.Context, a *app.App, rate float64) error
	// shared means that it meets all rollouts, so that it is done once for those of a batch.
	shared bool
}

var (
	outage            = disturbance{do: failTogether}
	bursts            = disturbance{do: failInBursts}
	restartPods       = disturbance{do: deletePods}
	restartPrometheus = disturbance{do: endPrometheus, shared: true}
	scrapeGap         = disturbance{do: hideGateway, shared: true}
)

// failTogether makes half of the requests to both versions fail for a while.
func failTogether(ctx context.Context, a *app.App, rate float64) error {
	return visitFailing(ctx, a, rate, time.Duration(disturbedFor)*time.Second)
}

func visitFailing(ctx context.Context, a *app.App, rate float64, lasts time.Duration) error {
	run, err := a.Visit(ctx, traffic.Options{URL: app.GatewayURL + failingPath, Rate: rate})
	if err != nil {
		return err
	}
	defer run.Stop()
	return pass(ctx, lasts)
}

// failInBursts makes some requests to both versions fail together again and again, until the rollout ends.
func failInBursts(ctx context.Context, a *app.App, _ float64) error {
	for {
		if err := visitFailing(ctx, a, burstSize, time.Second); err != nil {
			return err
		}
		if err := pass(ctx, burstEvery-time.Second); err != nil {
			return err
		}
	}
}

// deletePods replaces all pods of both versions, whose counters then begin at zero.
func deletePods(ctx context.Context, a *app.App, _ float64) error {
	_, err := a.Kubectl(ctx, "", "delete", "pods", "-l", "app in (podinfo,podinfo-canary)", "--wait=false")
	return err
}

// endPrometheus restarts Prometheus, which loses all that it has scraped.
func endPrometheus(ctx context.Context, _ *app.App, _ float64) error {
	monitoring, err := app.Connect(ctx, "monitoring")
	if err != nil {
		return err
	}
	_, err = monitoring.Kubectl(ctx, "", "delete", "pods", "-l", "app=prometheus", "--wait=false")
	return err
}

// hideGateway keeps Prometheus from scraping the gateway for a while.
func hideGateway(ctx context.Context, _ *app.App, _ float64) error {
	gateway, err := app.Connect(ctx, "gateway-system")
	if err != nil {
		return err
	}
	annotate := func(ctx context.Context, value string) error {
		_, err := gateway.Kubectl(ctx, "", "annotate", "--overwrite", "pods", "-l", "app=traefik", value)
		return err
	}
	if err := annotate(ctx, "prometheus.io/scrape-"); err != nil {
		return err
	}
	passed := pass(ctx, gap)
	// It is scraped again also if the measurement was interrupted.
	if err := annotate(context.WithoutCancel(ctx), "prometheus.io/scrape=true"); err != nil {
		return err
	}
	return passed
}

// pass lets time pass.
func pass(ctx context.Context, lasts time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(lasts):
		return nil
	}
}
