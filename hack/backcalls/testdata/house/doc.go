// Package house is measured by the tests.
//
// # Order
//
//   - attic: calls everything below it
//   - hall.go, stairs
//   - room/: a room of its own
//
// # Not the order
//
//   - cellar
package house
