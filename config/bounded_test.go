package config

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestJSONIsReadUpToItsLimits(t *testing.T) {
	list := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("0,", n-1), ",") + "]" }
	for name, c := range map[string]struct {
		text    string
		refused bool
	}{
		"nothing":                       {"", false},
		"as many values as may be":      {list(MostJSONValues), false},
		"one value more":                {list(MostJSONValues + 2), true},
		"as many levels as may be":      {strings.Repeat("[", MostJSONLevels), false},
		"one level more":                {strings.Repeat(`{"":`, MostJSONLevels+1), true},
		"levels that end":               {"[" + strings.Repeat("[],", MostJSONLevels+1) + "0]", false},
		"as long as it may be":          {strings.Repeat(" ", MostJSON), false},
		"longer":                        {strings.Repeat(" ", MostJSON+1), true},
		"a string counts once":          {`"` + strings.Repeat(`{[,\"`, MostJSONValues) + `"`, false},
		"a backslash at a string's end": {`["\\",` + list(MostJSONValues) + `]`, true},
	} {
		t.Run(name, func(t *testing.T) {
			checked := CheckJSON([]byte(c.text))
			read, err := ReadJSON(iotest.OneByteReader(strings.NewReader(c.text)))
			if (checked != nil) != c.refused || (err != nil) != c.refused || c.refused && (!errors.Is(err, ErrJSON) || !errors.Is(checked, ErrJSON)) {
				t.Errorf("got %v and %v", checked, err)
			}
			if err == nil && string(read) != c.text {
				t.Errorf("read %d bytes of %d", len(read), len(c.text))
			}
		})
	}
}

// endless gives the same text without end.
type endless struct{ given int }

func (e *endless) Read(into []byte) (int, error) {
	n := copy(into, `[{"":0},`)
	e.given += n
	return n, nil
}

func TestReadingEndsWithTheLimit(t *testing.T) {
	from := &endless{}
	if _, err := ReadJSON(from); !errors.Is(err, ErrJSON) || from.given > MostJSON {
		t.Errorf("got %v after %d bytes", err, from.given)
	}
}
