// Package cookies makes the cookies that keep users at the version that they have met, and those that take them back.
//
// It says what the cookies are. Which route sets them, and when, is decided elsewhere.
package cookies
