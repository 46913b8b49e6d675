package plugin

import (
	"io"
	"time"

	"sluice.dev/sluice/internal/emergency"
)

// writePage prints what fill puts on a page.
func writePage(out io.Writer, fill func(*page)) error {
	var p page
	fill(&p)
	return p.writeTo(out)
}

// step is one write that was tried.
func (p *page) step(step emergency.Step, err error) {
	if err != nil {
		p.printf("%s: FAILED: %v\n", step.Object, err)
		return
	}
	p.printf("%s: %s\n", step.Object, step.Does)
}

// list prints a list with its title; nothing if it is empty.
func (p *page) list(list emergency.List) {
	if len(list.Items) == 0 {
		return
	}
	p.printf("\n%s\n", list.Title)
	for _, item := range list.Items {
		p.printf("  %s\n", oneLine([]string{item})[0])
	}
}

func (p *page) lists(lists []emergency.List) {
	for _, list := range lists {
		p.list(list)
	}
}

// would lists the writes of a dry run.
func (p *page) would(steps []emergency.Step, none string) {
	if len(steps) == 0 {
		p.printf("Nothing to do: %s.\n", none)
		return
	}
	p.printf("Dry run: nothing was changed. These would be written:\n")
	for _, step := range steps {
		p.printf("  %s: %s\n", step.Object, step.Does)
	}
}

func (p *page) wouldTurnOff(w emergency.World, off emergency.Off) {
	p.would(off.Steps, "Sluice is off")
	p.lists(emergency.Unguarded(w))
}

func (p *page) turnedOff(w emergency.World) {
	if !w.IsOff() {
		p.printf("\nSluice is NOT completely off.\n")
	} else {
		p.printf("\nSluice is %s.\n", w.Record())
	}
	p.list(emergency.Unconfirmed(w))
	p.lists(emergency.Unguarded(w))
	p.printf("\nTo bring it back once it works: kubectl sluice emergency on\n")
}

func (p *page) wouldTurnOn(w emergency.World, on emergency.On) {
	p.would(on.Steps(), "Sluice is on")
	if why := w.NotReady(); why != "" {
		p.printf("\nNot before a replica is ready: %s\n", why)
	}
	p.lists(emergency.Changes(w))
}

func (p *page) turnedOn(before emergency.World, done bool) {
	switch {
	case !done:
		p.printf("\nSluice is NOT back.\n")
	case before.IsOn():
		p.printf("Sluice is on: there is nothing to bring back.\n")
	default:
		p.printf("\nSluice is on: it guards every opted-in Deployment again.\n")
		p.changes(before)
	}
}

func (p *page) changes(w emergency.World) {
	changes := emergency.Changes(w)
	if len(changes) == 0 {
		p.printf("Nothing changed while it was off.\n")
	}
	p.lists(changes)
}

// emergencyStatus says whether Sluice is off, and what is missing if it is only partly off.
func (p *page) emergencyStatus(w emergency.World, off emergency.Off) {
	record := w.Record()
	switch {
	case w.IsOff() && record != nil:
		p.printf("Sluice is %s.\n", record)
	case w.IsOn():
		p.printf("Sluice is on.\n")
		if record != nil && record.Ended != nil {
			p.printf("It was %s; brought back by %s at %s.\n", record, record.Ended.By, record.Ended.At.UTC().Format(time.RFC3339))
		}
		return
	default:
		p.printf("Sluice is partly off.\n")
	}
	if len(off.Steps) > 0 {
		p.printf("\nTo turn it off completely, run kubectl sluice emergency off, which would write:\n")
	}
	for _, step := range off.Steps {
		p.printf("  %s: %s\n", step.Object, step.Does)
	}
	p.list(emergency.List{Title: "Canaries that keep their requests:", Items: off.Kept})
	p.list(emergency.Unconfirmed(w))
	p.lists(emergency.Unguarded(w))
	p.lists(emergency.Changes(w))
}
