# Needs Go, make, and root (on Linux) or Docker. Everything else is built from Go modules or installed by the targets. Slow
# builds are cached outside the checkout: in Go's own build and module caches, and in $(CACHE) for the linter and the programs
# of the cluster (etcd, Kubernetes, containerd, Traefik, Prometheus, Helm), keyed by version. The first build of the cluster
# takes about a quarter of an hour on 2 cores. Later starts take about 15 seconds.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sluice
# Every command uses one Go: that of go.mod, which an older Go (1.21 or later) downloads, or the installed one if it is newer.
# Debian's Go and the golang images refuse to download unless told so. Tools run by version do not look into go.mod, so name it.
# A development version has no name; it is the installed one.
export GOTOOLCHAIN := $(or $(filter go%,$(firstword $(shell GOTOOLCHAIN=auto go env GOVERSION))),local)
KUBECONFIG := $(CURDIR)/.cluster/kubeconfig
CONTROLLER_GEN := go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0
ACTIONLINT := go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
CRD_REF_DOCS := go run github.com/elastic/crd-ref-docs@v0.3.0
GOLANGCI := $(CACHE)/golangci-lint-v2.15.0-$(GOTOOLCHAIN)
DOCS_VENV := $(CACHE)/docs-$(firstword $(shell cksum docs/requirements.txt))
CLUSTER_TOOL := bin/cluster
# Users run the first module. The others test and release it.
MODULES := . e2e hack
VERSION := v0.0.0-dev
# One core can bear about one process of the end-to-end suite, with its pods and its traffic.
CORES := $(shell getconf _NPROCESSORS_ONLN)
PROCESSES := $(if $(filter 1 2 3,$(CORES)),$(CORES),4)
GENERATED := api/v1alpha1/zz_generated.deepcopy.go charts/sluice/files/crds/*.yaml charts/sluice/README.md e2e/charts/testdata/*.golden.yaml docs/reference/settings.md docs/reference/flagger-fields.md docs/reference/api.md docs/reference/cli.md docs/reference/chart.md docs/how-to/kubectl.md
export KUBECONFIG

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit e2e verify lint fmt generate docs build plugin image release install cluster-up cluster-down cluster-env cluster-cert-manager cluster-load bench-rollout bench-admission bench-analysis bench-storm bench-verdicts $(CLUSTER_TOOL)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: cluster-up install ## Show a promotion and a rollback on a real cluster with real traffic
	@cd e2e && go run ./demo

test: test-unit e2e ## Run all tests: unit, against an API server, and end to end on a real cluster

test-unit: $(CLUSTER_TOOL) ## Run the tests that need no cluster (they do build and start an API server)
	@$(CLUSTER_TOOL) build etcd kube-apiserver kubectl helm prometheus victoria-metrics flux-driver argocd-driver >/dev/null
	go test -timeout 15m -parallel 4 ./...
# Go's cache of test results misses changes of files that these two modules read outside their own folders.
	cd hack && go test -count 1 ./...
# Ticks share objects with the cache. These tests panic if one changes them.
	cd e2e && KUBE_CACHE_MUTATION_DETECTOR=true go test -timeout 15m -parallel 4 -count 1 ./reconciler
	cd e2e && go test -timeout 15m -parallel 4 -count 1 $$(go list ./... | grep -v -e /e2e/suite -e /e2e/reconciler)

e2e: cluster-up install plugin ## Run the end-to-end suite on the cluster
	@$(CLUSTER_TOOL) build helm cert-manager >/dev/null
	cd e2e && $(CURDIR)/$(CLUSTER_TOOL) run go tool ginkgo --procs $(PROCESSES) --timeout 60m --no-color -v ./suite

bench-rollout: cluster-up install ## Measure rollouts on the cluster and print a table
	@cd e2e && go run ./bench

bench-admission: ## Measure what admission adds to updates of Deployments and print a table
	@cd e2e && go run ./bench/admission

bench-analysis: ## Measure on simulated traffic how right verdicts are, print tables, and fail below the goals
	@go test -count 1 -v -run TestTheKernelIsNearTheLimit ./internal/analysis/guard
	@cd e2e && go run ./bench/analysis

bench-storm: ## Measure how long a bad canary keeps its requests beside a noisy tenant and print a table
	@cd e2e && go run ./bench/storm

bench-verdicts: cluster-up install ## Measure on the cluster how right verdicts are, print a table, and fail below the goals
	@cd e2e && go run ./bench/verdicts $(VERDICTS)

verify: ## Check format, lint, other platforms, links, and that generated files are up to date
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run make fmt"; exit 1; }
	@for module in $(MODULES); do (set -x; cd $$module && go vet ./... && go mod tidy -diff) || exit 1; done
# On Windows, tests that start an API server do not compile, because controller-runtime's envtest does not.
	@(set -x; export CGO_ENABLED=0 GOOS=darwin; go vet ./cmd/kubectl-sluice && cd e2e && go vet ./...)
	@(set -x; export CGO_ENABLED=0 GOOS=windows; go vet ./cmd/kubectl-sluice && cd e2e && go build ./...)
	go test -count 1 ./docs
	@$(MAKE) -s lint
	@before=$$(cat $(GENERATED) | sha256sum); $(MAKE) -s generate; after=$$(cat $(GENERATED) | sha256sum); \
	 test "$$before" = "$$after" || { echo "generated files were out of date: commit what make generate made"; exit 1; }

lint: $(GOLANGCI) ## Run the linters of .golangci.yml, and that of the workflows
	@for module in $(MODULES); do (set -x; cd $$module && $(GOLANGCI) run ./...) || exit 1; done
	$(ACTIONLINT)

$(GOLANGCI):
	@echo "building golangci-lint, once; this takes some minutes"
	@mkdir -p $(CACHE)/tmp && GOBIN=$(CACHE)/tmp go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 && mv $(CACHE)/tmp/golangci-lint $@

fmt: ## Format the code
	gofmt -w $$(git ls-files '*.go')

generate: ## Write the generated files: deep copies, CRDs, golden files, and the tables, references and samples in the docs
	$(CONTROLLER_GEN) object paths=./api/... crd:crdVersions=v1,allowDangerousTypes=true output:crd:dir=charts/sluice/files/crds
	go run ./api/crds charts/sluice/files/crds/*canarypolicies.yaml
	go test -count 1 ./charts ./config ./internal/plugin/migrate -update
	cd e2e && go test -count 1 ./charts -update
	$(CRD_REF_DOCS) --config hack/api-reference.yaml --source-path api/v1alpha1 --renderer markdown --output-path docs/reference/api.md --log-level ERROR
	go test -count 1 ./docs -run 'Reference|Samples' -update

docs: $(DOCS_VENV) ## Build the documentation as a searchable site into dist/site (needs python3)
	@$(DOCS_VENV)/bin/zensical build --clean --strict

$(DOCS_VENV): docs/requirements.txt
	@rm -rf $@ && python3 -m venv $@ && $@/bin/pip install --quiet --requirement $< || { rm -rf $@; exit 1; }
	@touch $@

build: ## Build the controller into bin/
	go build -ldflags "-X main.version=$(VERSION)" -o bin/sluice ./cmd/sluice

plugin: ## Build the kubectl plugin into bin/: with bin/ on the PATH it is kubectl sluice
	go build -o bin/kubectl-sluice ./cmd/kubectl-sluice

image: $(CLUSTER_TOOL) ## Build the images of the controller and the sample into dist/
	@$(CLUSTER_TOOL) image --ref sluice.dev/sluice:dev --out dist/sluice.tar ./cmd/sluice
	@$(CLUSTER_TOOL) image --ref sluice.dev/sample:dev --out dist/sample.tar ./e2e/sample

release: $(CLUSTER_TOOL) ## Build all files of a release in dist/release: make release VERSION=v0.1.0
	@go build -C hack -o ../bin/release ./release
	@bin/release --version $(VERSION) --date $$(git log -1 --format=%ct) --helm $$($(CLUSTER_TOOL) build helm)/helm
	@cat dist/release/SHA256SUMS

install: image ## Install Sluice from this checkout into the cluster of .cluster/kubeconfig
	@$(CLUSTER_TOOL) load dist/sluice.tar dist/sample.tar
	@$(CLUSTER_TOOL) install

cluster-up: $(CLUSTER_TOOL) ## Start a real cluster with a gateway and Prometheus (CLUSTER=local or kind)
	@$(CLUSTER_TOOL) up

cluster-down: $(CLUSTER_TOOL) ## Stop the cluster and remove all traces of it
	@$(CLUSTER_TOOL) down

cluster-env: $(CLUSTER_TOOL) ## Print the line that makes kubectl use the cluster: eval "$(make -s cluster-env)"
	@$(CLUSTER_TOOL) env

cluster-cert-manager: $(CLUSTER_TOOL) ## Install cert-manager into the cluster, for certs.provider=cert-manager
	@$(CLUSTER_TOOL) cert-manager

cluster-load: $(CLUSTER_TOOL) ## Load an image archive into the cluster: make cluster-load TAR=image.tar
	@test -n "$(TAR)" || { echo "say which archive: make cluster-load TAR=image.tar"; exit 1; }
	@$(CLUSTER_TOOL) load $(TAR)

$(CLUSTER_TOOL):
	@test -e $@ || echo "building the cluster's tool, once; this takes half a minute" >&2
	@go build -C e2e -o ../$@ ./cluster
