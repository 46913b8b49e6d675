package suite

import (
	"context"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/e2e/app"
)

// updatesPerSecond is how often an opted-in Deployment is changed, which calls the mutating and the validating webhook.
const updatesPerSecond = 20

// updates are changes of an opted-in Deployment that must all be admitted.
type updates struct {
	app      *app.App
	lock     sync.Mutex
	admitted int
	failed   []string
}

// startUpdates changes an annotation of the application's Deployment until the returned function is called.
func startUpdates(a *app.App) (*updates, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	u := &updates{app: a}
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(time.Second / updatesPerSecond)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				running.Go(func() { u.send(i) })
			}
		}
	})
	return u, func() { cancel(); running.Wait() }
}

// send is not ended with the load: what was begun is seen through.
func (u *updates) send(i int) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	primary := &appsv1.Deployment{}
	primary.Namespace, primary.Name = u.app.Namespace, app.Name
	sent := time.Now()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"example.com/update":"%d"}}}`, i)
	err := u.app.Client.Patch(ctx, primary, client.RawPatch(types.MergePatchType, []byte(patch)))
	u.lock.Lock()
	defer u.lock.Unlock()
	if err != nil {
		u.failed = append(u.failed, sent.Format(time.StampMilli)+": "+err.Error())
		return
	}
	u.admitted++
}

func (u *updates) count() int {
	u.lock.Lock()
	defer u.lock.Unlock()
	return u.admitted
}

// expectAdmitted waits for more updates, so that something was tried, and expects that none has failed since the start.
func (u *updates) expectAdmitted(ctx context.Context, what string) {
	GinkgoHelper()
	Eventually(ctx, u.count, patience, glance).Should(BeNumerically(">", u.count()+2*updatesPerSecond), "updates do not come through")
	u.lock.Lock()
	defer u.lock.Unlock()
	By(fmt.Sprintf("%s: %d updates admitted, %d failed", what, u.admitted, len(u.failed)))
	Expect(u.failed).To(BeEmpty(), "updates failed during: "+what)
}
