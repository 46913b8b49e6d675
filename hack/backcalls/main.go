// Command backcalls counts the calls inside a folder of packages that run back up. Its files, and the folders below it (its
// rooms), have an order from top to bottom: a call should run down.
//
// The package comment of the folder's doc.go states the order, as a list below the heading "Order":
//
//	# Order
//
//	  - decide, interrupts: what ends a rollout early
//	  - plan/: what a decision is made of
//
// An item names files, or rooms with a slash at the end. The text after a colon explains them. With -order the list is read
// from a file instead, one item per line, to measure a tree that states none:
//
//	git worktree add ../before 422271b
//	cd hack && go run ./backcalls -order backcalls/testdata/before.order ../../before/rollout
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	order := flag.String("order", "", "file with the order; by default it is read from the folder's doc.go")
	flag.Usage = func() {
		_, _ = fmt.Fprintln(flag.CommandLine.Output(), "usage: backcalls [-order FILE] FOLDER")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(os.Stdout, flag.Arg(0), *order); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// run measures the folder by the order in a file or in its doc.go, and prints a report.
func run(out io.Writer, folder, orderFile string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	// The paths of sources have no symbolic links.
	if folder, err = filepath.EvalSymlinks(folder); err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	positions, err := readOrder(folder, orderFile)
	if err != nil {
		return err
	}
	found, err := load(folder)
	if err != nil {
		return err
	}
	if err := errors.Join(unlisted(found, positions), unknown(found, positions)); err != nil {
		return err
	}
	_, err = io.WriteString(out, report(filepath.Base(folder), found.calls, positions))
	return err
}
