package plugin

import (
	"fmt"
	"slices"
	"strings"

	"sluice.dev/sluice/internal/simulate/forecast"
)

// goalWords are how a page names the goals: the head of a column, and what is halved.
var goalWords = map[forecast.Goal]struct{ head, halved string }{
	forecast.Time:   {"TIME", "the time of a healthy version"},
	forecast.Hit1:   {"HIT 1%", "what a regression of 1% hits"},
	forecast.Hit5:   {"HIT 5%", "what a regression of 5% hits"},
	forecast.Hit50:  {"HIT 50%", "what a regression of 50% hits"},
	forecast.Alarms: {"FALSE", "rollbacks of healthy versions"},
	forecast.Stops:  {"STOPS", "stops of healthy versions"},
}

// settingWidth is the width of the column of settings.
const settingWidth = 42

// changesLittle is the part of a number by which an option must differ to be shown.
const changesLittle = 0.1

// options shows what other settings would change.
func (p planned) options(out *page) {
	shown := p.telling()
	if len(shown) == 0 {
		return
	}
	out.printf("\nWITH OTHER SETTINGS (spec.analysis of a policy)\n")
	row := func(first string, text func(forecast.Goal) string) {
		out.printf("  %-*s", settingWidth, first)
		for _, goal := range forecast.Goals {
			out.printf(" %8s", text(goal))
		}
		out.printf("\n")
	}
	row("", func(g forecast.Goal) string { return goalWords[g].head })
	row("as it is", func(g forecast.Goal) string { return goalText(g, *p.Now) })
	for _, option := range shown {
		names := settingNames(option)
		for _, name := range names[:len(names)-1] {
			out.printf("  %s\n", name)
		}
		last := names[len(names)-1]
		if len(last) > settingWidth {
			out.printf("  %s\n", last)
			last = ""
		}
		row(last, func(g forecast.Goal) string {
			mark := ""
			if slices.Contains(option.Halves, g) {
				mark = "*"
			}
			return goalText(g, option.Result) + mark
		})
	}
	out.printf("  * at most half\n\nTO HALVE\n")
	for _, goal := range forecast.Goals {
		if goal.Of(*p.Now) > 0 {
			out.hanging(fmt.Sprintf("  %-30s ", goalWords[goal].halved), p.halving(goal))
		}
	}
}

// telling are the options that change any number by more than a little.
func (p planned) telling() []forecast.Option {
	return slices.DeleteFunc(slices.Clone(p.Options), func(o forecast.Option) bool {
		return !slices.ContainsFunc(forecast.Goals, func(g forecast.Goal) bool {
			now, then := g.Of(*p.Now), g.Of(o.Result)
			return then < (1-changesLittle)*now || g == forecast.Stops && now > then
		})
	})
}

// settingNames are the settings of an option, of which one line after the other is shown.
func settingNames(option forecast.Option) []string {
	var names []string
	for i, setting := range option.Settings {
		name := strings.TrimPrefix(setting.Path, "analysis.") + ": " + setting.Value
		if i > 0 {
			name = "  and " + name
		}
		names = append(names, name)
	}
	return names
}

// goalText is the goal's number in a result.
func goalText(goal forecast.Goal, r forecast.Result) string {
	switch goal {
	case forecast.Time:
		if r.Healthy.Promoted.Count == 0 {
			return "never"
		}
		return secondsText(goal.Of(r))
	case forecast.Alarms, forecast.Stops:
		return shareText(goal.Of(r))
	}
	return requestsText(goal.Of(r))
}

// halving says which setting halves a goal most, or what comes closest.
func (p planned) halving(goal forecast.Goal) string {
	best, found := p.best(goal)
	switch {
	case !found || goal.Of(best.Result) > (1-changesLittle)*goal.Of(*p.Now):
		return "nothing that was tried makes it much less"
	case slices.Contains(best.Halves, goal):
		return fmt.Sprintf("%s (%s to %s)", settingsText(best), goalText(goal, *p.Now), goalText(goal, best.Result))
	}
	return fmt.Sprintf("nothing that was tried; closest: %s (%s to %s)", settingsText(best), goalText(goal, *p.Now), goalText(goal, best.Result))
}

func settingsText(option forecast.Option) string {
	var texts []string
	for _, setting := range option.Settings {
		texts = append(texts, setting.Path+": "+setting.Value)
	}
	return strings.Join(texts, " and ")
}

// best is the option with the least of a goal that has less of it than now: one that halves it, if there is one.
func (p planned) best(goal forecast.Goal) (best forecast.Option, found bool) {
	for _, option := range p.Options {
		lost := option.Healthy.Promoted.Value < p.Now.Healthy.Promoted.Value && !slices.Contains(option.Halves, goal)
		if lost || goal.Of(option.Result) >= goal.Of(*p.Now) {
			continue
		}
		if !found || better(goal, option, best) {
			best, found = option, true
		}
	}
	return best, found
}

// better prefers what halves the goal, then fewer settings, then less of the goal.
func better(goal forecast.Goal, a, b forecast.Option) bool {
	halfA, halfB := slices.Contains(a.Halves, goal), slices.Contains(b.Halves, goal)
	switch {
	case halfA != halfB:
		return halfA
	case halfA && len(a.Settings) != len(b.Settings):
		return len(a.Settings) < len(b.Settings)
	}
	return goal.Of(a.Result) < goal.Of(b.Result)
}
