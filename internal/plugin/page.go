package plugin

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"
)

// page collects output. It is written at once, so that only one write can fail.
type page struct{ text bytes.Buffer }

func (p *page) printf(format string, args ...any) {
	fmt.Fprintf(&p.text, format, args...)
}

// table aligns cells as kubectl does.
func (p *page) table(rows [][]string) {
	w := printers.GetNewTabWriter(&p.text)
	for _, cells := range rows {
		// Writing into memory does not fail.
		_, _ = io.WriteString(w, strings.Join(oneLine(cells), "\t")+"\n")
	}
	_ = w.Flush()
}

// oneLine keeps free text, such as a reason, in its cell.
func oneLine(cells []string) []string {
	flat := make([]string, len(cells))
	for i, cell := range cells {
		flat[i] = strings.NewReplacer("\n", " ", "\t", " ", "\f", " ", "\v", " ").Replace(cell)
	}
	return flat
}

// writeTo writes the text with terminal control characters escaped.
func (p *page) writeTo(out io.Writer) error {
	return printers.WriteEscaped(out, p.text.String())
}
