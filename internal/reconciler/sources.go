package reconciler

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"sluice.dev/sluice/internal/coverage"
)

const (
	// servedPeriod is how long it may take until a kind is noticed that was just installed.
	servedPeriod = 30 * time.Second
	// itemsOfPage is how many objects are asked for at once. bytesOfList is how much is read of all pages of a list, and
	// bytesOfServed of the list of kinds.
	itemsOfPage   = 100
	bytesOfList   = 8 << 20
	bytesOfServed = 32 << 20
	// asServed asks for the groups and kinds of an API server in one answer.
	asServed = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
)

// servedKind is a kind that the cluster has, and where its objects are.
type servedKind struct {
	coverage.Kind
	version, resource string
}

// sources reads objects of kinds that a cluster may lack. It decodes one object at a time, and keeps none.
type sources struct {
	api rest.Interface

	mu sync.Mutex
	// kinds are those of the last discovery.
	kinds   []servedKind
	kindsAt time.Time
	// unread says until when a kind is not read, because that is forbidden or its API fails.
	unread map[string]unreadKind
}

type unreadKind struct {
	until     time.Time
	forbidden bool
}

func newSources(config *rest.Config, client *http.Client) (*sources, error) {
	config = rest.CopyConfig(config)
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	api, err := rest.UnversionedRESTClientForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("make the client for policies: %w", err)
	}
	return &sources{api: api, unread: map[string]unreadKind{}}, nil
}

// served returns the kinds that the cluster has now, of those that are looked for.
func (s *sources) served(ctx context.Context) ([]servedKind, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.kindsAt) < servedPeriod {
		return s.kinds, nil
	}
	limited, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	body, err := s.api.Get().AbsPath("/apis").SetHeader("Accept", asServed).Stream(limited)
	if err != nil {
		return nil, fmt.Errorf("list the kinds of the cluster: %w", err)
	}
	defer func() { _ = body.Close() }()
	var kinds []servedKind
	_, err = eachItem(io.LimitReader(body, bytesOfServed), func(content json.RawMessage) bool {
		kinds = append(kinds, servedIn(content)...)
		return true
	})
	if err != nil {
		return nil, err
	}
	// What decides comes before what is only told.
	slices.SortStableFunc(kinds, func(a, b servedKind) int { return cmp.Compare(told(a), told(b)) })
	s.kinds, s.kindsAt = kinds, time.Now()
	return kinds, nil
}

func told(kind servedKind) int {
	if kind.Monitors {
		return 1
	}
	return 0
}

// forgetServed makes the next look ask for the kinds again.
func (s *sources) forgetServed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kindsAt = time.Time{}
}

// group is a group of kinds, its preferred version first.
type group struct {
	Metadata struct{ Name string }
	Versions []struct {
		Version   string
		Resources []struct {
			Resource     string
			ResponseKind struct{ Kind string }
			Verbs        []string
		}
	}
}

// servedIn returns the kinds of a group that are looked for, in the first version that has them.
func servedIn(content json.RawMessage) []servedKind {
	var served group
	if json.Unmarshal(content, &served) != nil {
		return nil
	}
	var found []servedKind
	seen := map[string]bool{}
	for _, kind := range coverage.Kinds() {
		for _, version := range served.Versions {
			for _, resource := range version.Resources {
				if kind.Group == served.Metadata.Name && (kind.Resource == resource.Resource || kind.Resource == coverage.Any) && !seen[resource.Resource] {
					seen[resource.Resource] = true
					found = append(found, servedKind{Kind: kind, version: version.Version, resource: resource.Resource})
				}
			}
		}
	}
	return found
}

func (k servedKind) key() string { return k.Group + "/" + k.resource }

// path is where the objects of a kind are; in all namespaces if none is given.
func (k servedKind) path(namespace string) []string {
	if namespace == metav1.NamespaceAll {
		return []string{"apis", k.Group, k.version, k.resource}
	}
	return []string{"apis", k.Group, k.version, "namespaces", namespace, k.resource}
}

// list calls a function with the JSON of each object of a kind until it returns false.
func (s *sources) list(ctx context.Context, kind servedKind, namespace string, each func([]byte) bool) error {
	limited, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	left := int64(bytesOfList)
	for next := ""; ; {
		request := s.api.Get().AbsPath(kind.path(namespace)...).Param("limit", strconv.Itoa(itemsOfPage))
		if next != "" {
			request = request.Param("continue", next)
		}
		body, err := request.Stream(limited)
		if err != nil {
			return fmt.Errorf("list %s: %w", kind.key(), err)
		}
		page := &io.LimitedReader{R: body, N: left}
		next, err = eachItem(page, func(content json.RawMessage) bool { return each(content) })
		_ = body.Close()
		if left = page.N; left <= 0 {
			return errTooMuch
		}
		if err != nil || next == "" {
			return err
		}
	}
}

// namespaceLabels returns the labels of a namespace, or nil if they cannot be read.
func (s *sources) namespaceLabels(ctx context.Context, namespace string) map[string]string {
	limited, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	var found metav1.PartialObjectMetadata
	content, err := s.api.Get().AbsPath("api", "v1", "namespaces", namespace).Do(limited).Raw()
	if err != nil || json.Unmarshal(content, &found) != nil {
		return nil
	}
	return found.Labels
}

// skipped reports whether a kind is not read now, and whether that is because it is forbidden.
func (s *sources) skipped(kind servedKind) (skip, forbidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	noted := s.unread[kind.key()]
	skip = time.Now().Before(noted.until)
	return skip, skip && noted.forbidden
}

// note remembers for a while that a kind cannot be read, so that not every look asks for it.
func (s *sources) note(kind servedKind, forbidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := time.Now().Add(failurePeriod)
	if forbidden {
		until = time.Now().Add(absencePeriod)
	}
	s.unread[kind.key()] = unreadKind{until: until, forbidden: forbidden}
}
