package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func measure(t *testing.T, orderLines string) (string, error) {
	t.Helper()
	file := ""
	if orderLines != "" {
		file = filepath.Join(t.TempDir(), "order")
		if err := os.WriteFile(file, []byte(orderLines), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	err := run(&out, "testdata/house", file)
	return out.String(), err
}

func TestCallsAreMeasuredByTheOrderOfThePackageComment(t *testing.T) {
	got, err := measure(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want := `house: 6 arrows, 9 calls
climb: 3 arrows (50.0%), 4 calls (44.4%)

calls that climb, by caller:
    3  stairs
    1  hall

calls that climb, by arrow:
    2  stairs -> hall
    1  hall -> attic
    1  stairs -> attic
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAnotherOrderGivesAnotherCount(t *testing.T) {
	got, err := measure(t, "# from top to bottom\n\nstairs: first\nroom/, hall\nattic\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := "climb: 3 arrows (50.0%), 5 calls (55.6%)\n"; !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant %s", got, want)
	}
}

func TestTheOrderMustNameWhatIsThere(t *testing.T) {
	for name, c := range map[string]struct{ order, wrong string }{
		"a file and a room are missing": {"attic, stairs", "the order lacks hall, room/"},
		"a file that has gone":          {"attic, hall, stairs, room/, cellar", "the order names cellar, which the folder does not have"},
		"a file that is named twice":    {"attic, hall, stairs, room/, hall.go", "the order names hall twice"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := measure(t, c.order); err == nil || err.Error() != c.wrong {
				t.Errorf("got %v, want %s", err, c.wrong)
			}
		})
	}
}

func TestAFolderWithoutAnOrderIsRefused(t *testing.T) {
	if err := run(&strings.Builder{}, "testdata/house/room", ""); err == nil || !strings.Contains(err.Error(), "doc.go") {
		t.Errorf("got %v", err)
	}
}
