package workload

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"sluice.dev/sluice/config"
)

// packed returns a compressed annotation with a list of n small maps in its template.
func packed(n int) string {
	text := `{"template":{"spec":{"x":[` + strings.Repeat(`{"":0},`, n) + `{}]}}}`
	hash := Template{"spec": map[string]any{"x": slicesOf(n)}}.Hash()
	text = fmt.Sprintf(`{"hash":%q,"promoted":%q,"how":"bypass",`, hash, hash) + text[1:]
	var out bytes.Buffer
	writer, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = writer.Write([]byte(text))
	_ = writer.Close()
	return compressedPrefix + base64.StdEncoding.EncodeToString(out.Bytes())
}

func slicesOf(n int) []any {
	list := make([]any, 0, n+1)
	for range n {
		list = append(list, map[string]any{"": 0})
	}
	return append(list, map[string]any{})
}

// allocated returns how many bytes are allocated meanwhile.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestASmallAnnotationTakesLittleMemory decodes thirty records at once, each of which would need hundreds of megabytes.
func TestASmallAnnotationTakesLittleMemory(t *testing.T) {
	const most = 64 << 20
	bomb := packed(400_000)
	if len(bomb) > 8<<10 {
		t.Fatalf("the annotation has %d bytes", len(bomb))
	}
	for _, key := range config.RecordKeys() {
		t.Run(key, func(t *testing.T) {
			annotations := map[string]string{key: bomb}
			got := allocated(func() {
				var all sync.WaitGroup
				for range 30 {
					all.Go(func() {
						if err := decodeAll(annotations); !errors.Is(err, config.ErrJSON) {
							t.Errorf("got %v", err)
						}
					})
				}
				all.Wait()
			})
			if got > most {
				t.Errorf("%d MiB were allocated", got>>20)
			}
		})
	}
}

// TestTheLargestRecordsAreBounded decodes what the limits just let through.
func TestTheLargestRecordsAreBounded(t *testing.T) {
	const most = 32 << 20
	largest := packed(config.MostJSONValues/2 - 20)
	got := allocated(func() {
		if _, err := CandidateOf(map[string]string{config.AnnotationCandidate: largest}); err != nil {
			t.Error(err)
		}
	})
	if got > most {
		t.Errorf("%d MiB were allocated", got>>20)
	}
}

func decodeAll(annotations map[string]string) error {
	_, candidate := CandidateOf(annotations)
	_, previous := PreviousOf(annotations)
	_, direct := DirectsOf(annotations)
	_, left := LeftOutOf(annotations)
	return errors.Join(candidate, previous, direct, left)
}

func TestATemplateOfTooManyValuesIsNotHeldBack(t *testing.T) {
	_, err := Candidate{Template: Template{"spec": map[string]any{"x": slicesOf(config.MostJSONValues)}}}.Encode()
	if err == nil || !strings.Contains(err.Error(), "too large to hold back") || !strings.Contains(err.Error(), "opt out") {
		t.Errorf("got %v", err)
	}
}

// TestTheSizeOfATemplateIsAboutWhatItTakes compares the estimate with what decoding allocates.
func TestTheSizeOfATemplateIsAboutWhatItTakes(t *testing.T) {
	for name, template := range map[string]Template{"maps": {"x": slicesOf(10000)}, "strings": {"x": []any{strings.Repeat("x", 1<<20)}}} {
		t.Run(name, func(t *testing.T) {
			var copied any
			took := int(allocated(func() { copied = pruned(map[string]any(template)) }))
			if name == "strings" {
				took = 1 << 20 // a copy shares the text
			}
			if size := template.Size(); size < took/2 || size > took*2 {
				t.Errorf("the estimate is %d, but it took %d", size, took)
			}
			runtime.KeepAlive(copied)
		})
	}
}
