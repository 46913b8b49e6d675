package admission

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"sluice.dev/sluice/config"
)

// bomb is a compressed record of a few kilobytes with 400 000 maps, which would take hundreds of megabytes when decoded.
func bomb(tb testing.TB) string {
	tb.Helper()
	var packed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = fmt.Fprintf(writer, `{"hash":"x","promoted":"x","how":"bypass","template":{"spec":{"x":[%s0]}}}`, strings.Repeat(`{"":0},`, 400_000))
	}
	if err != nil || writer.Close() != nil {
		tb.Fatal(err)
	}
	return "gzip:" + base64.StdEncoding.EncodeToString(packed.Bytes())
}

// TestASmallAnnotationTakesLittleMemory sends thirty requests with such a record at once.
func TestASmallAnnotationTakesLittleMemory(t *testing.T) {
	const most = 100 << 20
	text := bomb(t)
	for _, key := range config.RecordKeys() {
		brings := deployment("v1", map[string]string{key: text})
		for name, send := range map[string]func() error{
			"created": func() error {
				if err := Validate(nil, brings, someone); err == nil || !strings.Contains(err.Error(), "leave it out") {
					return fmt.Errorf("got %w", err)
				}
				return nil
			},
			"stored": func() error {
				result, err := Render(brings, deployment("v2", map[string]string{key: text}), someone)
				if _, has := annotationsOf(result.Object)[key]; has && annotationsOf(result.Object)[key] == text {
					return fmt.Errorf("the record stays")
				}
				return err
			},
		} {
			t.Run(key+" is "+name, func(t *testing.T) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				var all sync.WaitGroup
				for range 30 {
					all.Go(func() {
						if err := send(); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				runtime.ReadMemStats(&after)
				if took := after.TotalAlloc - before.TotalAlloc; took > most {
					t.Errorf("%d MiB were allocated", took>>20)
				}
			})
		}
	}
}
