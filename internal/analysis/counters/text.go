package counters

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"sluice.dev/sluice/internal/analysis"
)

// version is the first byte of the text of a state. A controller of another version that cannot read it begins again.
const version = 1

// longestText is how long the text of a state can be: every hash takes 5 bytes, every number at most 10, and every float 8.
const longestText = (64 + 3*mostTargets*25 + mostSeries*25) * 4 / 3

var errText = errors.New("the state of the counters cannot be read")

// Text returns the state as it stands in the status, in at most 12 KiB.
func (s State) Text() string {
	var newest int64
	for _, t := range s.targets {
		newest = max(newest, t.last)
	}
	b := append(make([]byte, 0, 32+len(s.targets)*10+len(s.series)*10), version, flag(s.partial))
	for _, n := range []int64{s.interval, s.forgot, newest, int64(len(s.targets))} {
		b = binary.AppendVarint(b, n)
	}
	series := slices.Clone(s.series)
	slices.SortStableFunc(series, func(x, y counted) int { return cmp.Compare(x.target, y.target) })
	for _, t := range s.targets {
		n := 0
		for n < len(series) && series[n].target == t.id {
			n++
		}
		b = binary.AppendVarint(append(appendHash(b, t.id), byte(t.arm)), newest-t.last)
		b = binary.AppendVarint(b, int64(n))
		for _, c := range series[:n] {
			b = c.appendTo(b, t.last)
		}
		series = series[n:]
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

func appendHash(b []byte, hash uint64) []byte {
	return append(b, byte(hash), byte(hash>>8), byte(hash>>16), byte(hash>>24), byte(hash>>32))
}

// appendTo appends a series. Most counters are whole numbers below 2^53, which take few bytes.
func (c counted) appendTo(b []byte, last int64) []byte {
	b = binary.AppendVarint(appendHash(b, c.id), last-c.at)
	if c.value < 1<<53 && c.value == math.Trunc(c.value) {
		return binary.AppendUvarint(append(b, 0), uint64(c.value))
	}
	return binary.LittleEndian.AppendUint64(append(b, 1), math.Float64bits(c.value))
}

// Parse reads a text of Text. It returns an error for any other; then the counters are counted from the next poll on.
func Parse(text string) (State, error) {
	if len(text) > longestText {
		return State{}, errText
	}
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(b) < 2 || b[0] != version {
		return State{}, errText
	}
	r := reader{b: b[2:]}
	s := State{partial: b[1] == 1, interval: r.number(), forgot: r.number()}
	newest := r.number()
	for range r.count(3 * mostTargets) {
		t := target{id: r.hash(), arm: Arm(r.byte()), last: newest - r.number()}
		s.targets = append(s.targets, t)
		for range r.count(mostSeries - len(s.series)) {
			s.series = append(s.series, r.counted(t))
		}
	}
	slices.SortFunc(s.series, inSeries)
	if r.failed || len(r.b) > 0 || !s.valid() {
		return State{}, errText
	}
	return s, nil
}

// valid reports whether Advance may have made a state.
func (s State) valid() bool {
	for i, t := range s.targets {
		if t.arm > Control || t.last <= 0 || i > 0 && s.targets[i-1].id >= t.id {
			return false
		}
	}
	for i, c := range s.series {
		if !usable(Requests, analysis.Point{At: c.at, Value: c.value}, math.MaxInt64) || i > 0 && s.series[i-1].id >= c.id {
			return false
		}
	}
	return s.interval >= 0 && s.forgot >= 0
}

// reader reads numbers until one is missing.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if n <= 0 || n > len(r.b) {
		r.failed, r.b = true, nil
		return make([]byte, 8)
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) byte() byte { return r.take(1)[0] }

func (r *reader) number() int64 {
	value, n := binary.Varint(r.b)
	r.take(n)
	return value
}

func (r *reader) count(most int) int {
	n := r.number()
	if n < 0 || n > int64(most) {
		r.failed = true
		return 0
	}
	return int(n)
}

func (r *reader) hash() uint64 {
	b := r.take(5)
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32
}

func (r *reader) counted(t target) counted {
	c := counted{id: r.hash(), target: t.id, at: t.last - r.number()}
	if r.byte() == 0 {
		value, n := binary.Uvarint(r.b)
		r.take(n)
		c.value = float64(value)
	} else {
		c.value = math.Float64frombits(binary.LittleEndian.Uint64(r.take(8)))
	}
	return c
}
