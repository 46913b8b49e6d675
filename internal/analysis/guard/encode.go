package guard

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// version is the version of the stored state. Another version of Sluice that finds a version it does not know starts over, with a
// smaller part of alpha. A change of what is stored, of a grid or of a test is a new version.
const version = 4

// ErrUnreadable means that a stored state is of another version or damaged. Restart is what follows.
var ErrUnreadable = errors.New("the stored state of the guard cannot be read")

// MarshalText returns the state in about 1 KB of base64. In JSON it is a string.
//
// Evidence is stored in three bytes and rounded down, never up, so storing it cannot prove anything.
func (s State) MarshalText() ([]byte, error) {
	w := wire{bytes: make([]byte, 0, 1024)}
	w.bytes = append(w.bytes, version)
	w.state(&s)
	return base64.RawURLEncoding.AppendEncode(nil, w.bytes), nil
}

// UnmarshalText reads what MarshalText wrote. The error is ErrUnreadable, with the reason.
func (s *State) UnmarshalText(text []byte) error {
	if len(text) > longestText {
		return fmt.Errorf("%w: it has %d characters", ErrUnreadable, len(text))
	}
	bytes, err := base64.RawURLEncoding.AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if len(bytes) == 0 || bytes[0] != version {
		return fmt.Errorf("%w: it is not of version %d", ErrUnreadable, version)
	}
	read := State{}
	r := wire{bytes: bytes[1:], reading: true}
	r.state(&read)
	if r.damaged || len(r.bytes) > 0 {
		return fmt.Errorf("%w: it is damaged", ErrUnreadable)
	}
	*s = read
	return nil
}

// longestText is more than any state needs.
const longestText = 8192

// wire writes fields, or reads them. One walk over the fields does both, so what is written is what is read.
type wire struct {
	bytes            []byte
	reading, damaged bool
}

// take returns the next bytes to read, or nil if there are too few.
func (w *wire) take(n int) []byte {
	if len(w.bytes) < n {
		w.damaged = true
		return nil
	}
	taken := w.bytes[:n]
	w.bytes = w.bytes[n:]
	return taken
}

// number is an integer from 0 to a largest.
func (w *wire) number(n *int, most int) {
	wide := uint64(min(max(*n, 0), most))
	w.wide(&wide, uint64(most))
	*n = int(wide)
}

// wide is a number that an int may be too small for.
func (w *wire) wide(n *uint64, most uint64) {
	if !w.reading {
		w.bytes = binary.AppendUvarint(w.bytes, min(*n, most))
		return
	}
	value, length := binary.Uvarint(w.bytes)
	if length <= 0 || value > most {
		w.damaged = true
		return
	}
	w.take(length)
	*n = value
}

// evidence is a float of at least 0 in three bytes: eight bits of exponent, sixteen of mantissa.
func (w *wire) evidence(x *float64) {
	if !w.reading {
		small := float32(*x)
		if float64(small) > *x {
			small = math.Nextafter32(small, 0)
		}
		bits := math.Float32bits(small) << 1
		w.bytes = append(w.bytes, byte(bits>>24), byte(bits>>16), byte(bits>>8))
		return
	}
	if b := w.take(3); b != nil {
		*x = float64(math.Float32frombits((uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8) >> 1))
		w.damaged = w.damaged || !(*x <= largest)
	}
}

// double is any finite float between limits.
func (w *wire) double(x *float64, low, high float64) {
	if !w.reading {
		w.bytes = binary.BigEndian.AppendUint64(w.bytes, math.Float64bits(*x))
		return
	}
	if b := w.take(8); b != nil {
		*x = math.Float64frombits(binary.BigEndian.Uint64(b))
		w.damaged = w.damaged || !(*x >= low && *x <= high)
	}
}

// single is a finite float in four bytes.
func (w *wire) single(x *float64, low, high float64) {
	if !w.reading {
		w.bytes = binary.BigEndian.AppendUint32(w.bytes, math.Float32bits(float32(*x)))
		return
	}
	if b := w.take(4); b != nil {
		*x = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
		w.damaged = w.damaged || !(*x >= low && *x <= high)
	}
}

// events are stored in parts of 256: histograms that are estimated have fractions.
func (w *wire) events(p *Pair) {
	const parts = 256
	total, bad := uint64(math.Round(p.Total*parts)), uint64(math.Round(p.Bad*parts))
	w.wide(&total, mostInSum*parts)
	w.wide(&bad, mostInSum*parts)
	if w.reading {
		*p = Pair{float64(total) / parts, float64(bad) / parts}
		w.damaged = w.damaged || p.Bad > p.Total
	}
}

// duration is stored in milliseconds.
func (w *wire) duration(d *time.Duration) {
	ms := uint64(min(max(*d, 0), longest) / time.Millisecond)
	w.wide(&ms, uint64(longest/time.Millisecond))
	if w.reading {
		*d = time.Duration(ms) * time.Millisecond
	}
}
