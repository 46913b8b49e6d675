package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Limited limits the answers.
type Limited struct {
	Next  http.RoundTripper
	Limit Limit
}

// Limit is that of an answer.
type Limit struct {
	// Bytes and Objects are how many an answer may have. A JSON object of two bytes takes a hundred when it is decoded.
	Bytes, Objects int
	// Advice is what to do about an answer that has more.
	Advice string
}

// RoundTrip limits the body of the answer.
func (l Limited) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.Next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = &limited{ReadCloser: response.Body, left: l.Limit, Limit: l.Limit}
	return response, nil
}

// ErrTooLong is what an answer fails with that is longer than its limit.
var ErrTooLong = errors.New("the answer is too long")

// tooLong says which limit an answer has passed, and what to do about it.
type tooLong string

// Error is the text.
func (t tooLong) Error() string { return string(t) }

// Is holds for ErrTooLong.
func (tooLong) Is(target error) bool { return target == ErrTooLong }

// limited is a body that fails after the given number of bytes or objects.
type limited struct {
	io.ReadCloser
	Limit
	left Limit
}

// Read reads at most what is left.
func (l *limited) Read(into []byte) (int, error) {
	if l.left.Bytes <= 0 {
		return 0, tooLong(fmt.Sprintf("the answer is longer than %d bytes: %s", l.Bytes, l.Advice))
	}
	n, err := l.ReadCloser.Read(into[:min(len(into), l.left.Bytes)])
	l.left.Bytes -= n
	if l.left.Objects -= bytes.Count(into[:n], []byte("{")); l.left.Objects < 0 {
		return 0, tooLong(fmt.Sprintf("the answer has more than %d objects: %s", l.Objects, l.Advice))
	}
	return n, err
}
