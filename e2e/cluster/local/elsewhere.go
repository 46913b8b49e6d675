//go:build !linux

// Package local runs a Kubernetes cluster of one node as plain processes of this machine. Only Linux can.
package local

import (
	"context"
	"errors"
)

var errElsewhere = errors.New("the local cluster runs on Linux only: start Docker, and set CLUSTER=kind")

// MissingPackages is always nil.
func MissingPackages() []string { return nil }

// InstallPackages always fails.
func InstallPackages(context.Context, []string) error { return errElsewhere }

// Running is always false.
func Running(context.Context) bool { return false }

// Start always fails.
func Start(context.Context, string, string) error { return errElsewhere }

// JoinTests always fails.
func JoinTests() error { return errElsewhere }

// WriteKubeconfig always fails.
func WriteKubeconfig(string) error { return errElsewhere }

// Stop always fails.
func Stop(context.Context) error { return errElsewhere }

// LoadImage always fails.
func LoadImage(context.Context, string, string) error { return errElsewhere }

// Daemon always fails.
func Daemon(context.Context, string) error { return errElsewhere }

// Node always fails.
func Node(context.Context, string) error { return errElsewhere }
