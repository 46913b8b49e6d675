package plugin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/rollout/strategy"
)

// pageWidth is the number of columns of a page of plan.
const pageWidth = 100

// judgedByGuard is what decides unless a policy says otherwise.
const judgedByGuard = "the guard"

// judgeOf names what decides a rollout.
func judgeOf(policy config.Policy) string {
	checks := len(analysis.ChecksOf(policy))
	switch {
	case policy.SkipAnalysis:
		return "nobody"
	case policy.Guard.Enabled && checks > 0:
		return "the guard and the checks of the policy"
	case policy.Guard.Enabled:
		return judgedByGuard
	case checks > 0:
		return "the checks of the policy; the guard is off"
	}
	return "the readiness of the pods"
}

// notesOf are what a simulation of a policy leaves out.
func notesOf(policy config.Policy) []string {
	notes := []string{"the times begin with the first request of the canary: the start of its pods and the promotion of the primary's come on top"}
	var own []string
	for _, check := range analysis.ChecksOf(policy) {
		if check.Metric == analysis.Custom {
			own = append(own, check.Name)
		}
	}
	for _, pair := range analysis.PairsOf(policy) {
		own = append(own, pair.Name)
	}
	add := func(is bool, note string) {
		if is {
			notes = append(notes, note)
		}
	}
	add(len(own) > 0, "metrics with queries of their own are not simulated: "+strings.Join(own, ", "))
	add(len(policy.Hooks) > 0, "hooks and gates are not simulated")
	add(policy.Delay > 0, "analysis.delay comes on top: "+spanText(policy.Delay))
	add(policy.Guard.Enabled && policy.Guard.Fresh, "the control of baseline: fresh is simulated as if it were the primary")
	add(len(policy.Match) > 0, "requests that match come on top of the weights, and are not simulated")
	return notes
}

// page writes a plan.
func (p planned) page(out *page) {
	out.printf("Plan of a rollout of %s/%s, judged by %s\n\n", p.Namespace, p.Name, p.Judge)
	rows := [][]string{{"  policy", orNone(p.Policy)}, {"  routes", orNone(strings.Join(p.Routes, ", "))}, {"  metrics", orNone(p.Metrics)}}
	if t := p.Traffic; t != nil {
		rows = append(rows, []string{"  traffic", t.text()})
	}
	rows = append(rows, []string{"  steps", p.stepsText()})
	if p.Now != nil {
		rows = append(rows, []string{"  simulated", fmt.Sprintf("%d rollouts of each kind, seed %d", p.Runs, p.Seed)})
	}
	for _, row := range rows {
		out.hanging(fmt.Sprintf("%-13s", row[0]), row[1])
	}
	if p.Unplayed != "" {
		out.printf("\n")
		out.hanging("", "Nothing was simulated: "+p.Unplayed+". The steps take "+spanText(total(p.Steps))+" at least.")
	}
	if p.Now != nil {
		p.healthy(out)
		p.regressions(out)
		p.data(out)
		p.options(out)
	}
	if len(p.Notes) > 0 {
		out.printf("\n")
	}
	for _, note := range p.Notes {
		out.hanging("Note: ", note+".")
	}
}

func (t lastHour) text() string {
	scraped := "it is not known how often they are scraped"
	if t.Scrape > 0 {
		scraped = fmt.Sprintf("scraped every %s", spanText(time.Duration(t.Scrape*float64(time.Second))))
	}
	return fmt.Sprintf("%s requests a second in the last hour, of which %s fail; %d pods, %s", three(t.RequestsPerSecond), shareText(t.Errors), t.Pods, scraped)
}

// stepsText lists the weights and how long they last.
func (p planned) stepsText() string {
	var texts []string
	for _, step := range p.Steps {
		text := three(step.Weight) + "%"
		if step.MirrorWeight > 0 {
			text += fmt.Sprintf(" (%s%% mirrored)", three(step.MirrorWeight))
		}
		if !slices.Contains(texts, text) || step.Weight > 0 {
			texts = append(texts, text)
		}
	}
	lasts := "at least " + spanText(p.Steps[0].Duration.Duration) + " each"
	for _, step := range p.Steps {
		if step.Duration != p.Steps[0].Duration {
			lasts = "together at least " + spanText(total(p.Steps))
		}
	}
	if p.early {
		lasts = fmt.Sprintf("each ends when the guard accepts it, after %s at least and mostly %s at most", spanText(p.minDwell), spanText(p.Steps[0].Duration.Duration))
	}
	return fmt.Sprintf("%s: %s", strings.Join(texts, ", "), lasts)
}

func total(steps []strategy.Step) time.Duration {
	all := time.Duration(0)
	for _, step := range steps {
		all += step.Duration.Duration
	}
	return all
}

// healthy says how rollouts of a version end that is like the primary.
func (p planned) healthy(out *page) {
	h := p.Now.Healthy
	out.printf("\nA HEALTHY VERSION\n")
	promoted := partText(h.Promoted)
	if h.Promoted.Count > 0 {
		promoted += fmt.Sprintf(", after %s on average; 95%% of them within %s", secondsText(h.PromotionSeconds.Mean), secondsText(h.PromotionSeconds.P95))
	}
	out.hanging("  is promoted               ", promoted)
	alarm := partText(h.RolledBack)
	if p.Judge == judgedByGuard {
		alarm += fmt.Sprintf("; the guard's tests promise at most %s (analysis.guard.alpha)", shareText(p.alpha))
	}
	out.hanging("  is rolled back by mistake ", alarm)
	out.hanging("  waits for a person        ", partText(h.Paused))
	if h.Open.Count > 0 {
		out.hanging("  is open after six hours   ", partText(h.Open))
	}
}

// partText is a part of the rollouts, with what it may be in truth.
func partText(s simulate.Share) string {
	if s.Count == 0 {
		return fmt.Sprintf("0%% of rollouts (at most %s)", shareText(s.High))
	}
	return fmt.Sprintf("%s of rollouts (%s to %s)", shareText(s.Value), shareText(s.Low), shareText(s.High))
}

// regressions says what versions do that are worse than the primary.
func (p planned) regressions(out *page) {
	out.printf("\nA VERSION WITH A REGRESSION\n")
	rows := [][]string{{"  OF ITS REQUESTS", "ROLLED BACK", "AFTER", "PROMOTED", "REQUESTS HIT", "95% HIT FEWER THAN"}}
	row := func(what string, s simulate.Summary, hit *simulate.Spread) {
		after, mean, most := "-", "-", "-"
		if s.RolledBack.Count > 0 {
			after = secondsText(s.Seconds.Mean)
		}
		if hit != nil {
			mean, most = requestsText(hit.Mean), requestsText(hit.P95)
		}
		rows = append(rows, []string{"  " + what, shareText(s.RolledBack.Value), after, shareText(s.Promoted.Value), mean, most})
	}
	for _, r := range p.Now.Regressions {
		row(shareText(r.Part)+" fail", r.Summary, &r.Hit)
	}
	if p.Slow != nil {
		row("all take twice as long", *p.Slow, nil)
	}
	out.table(rows)
	for _, r := range p.Now.Regressions {
		if r.Promoted.Value > 0 {
			out.hanging("", fmt.Sprintf("A regression of %s that is promoted hits %s requests a minute afterwards.", shareText(r.Part), requestsText(r.Part*p.Traffic.RequestsPerSecond*60)))
			return
		}
	}
}

// data says which checks will have any.
func (p planned) data(out *page) {
	if len(p.Data) == 0 {
		return
	}
	out.printf("\nWILL THE CHECKS HAVE DATA?\n")
	for _, d := range p.Data {
		out.hanging(fmt.Sprintf("  %-25s %-7s ", d.Check, d.Has), d.Why)
	}
}

// hanging prints text with a label before it, in lines that fit the page.
func (p *page) hanging(label, text string) {
	width := max(pageWidth-len(label), pageWidth/3)
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			p.printf("%s%s\n", label, line)
			label, line = strings.Repeat(" ", len(label)), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	p.printf("%s%s\n", label, line)
}

// three formats a number with three digits.
func three(value float64) string {
	if value >= 1000 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strconv.FormatFloat(value, 'g', 3, 64)
}

// shareText formats a share, 0 to 1, as a percentage.
func shareText(share float64) string { return three(100*share) + "%" }

// requestsText formats a number of requests.
func requestsText(value float64) string {
	if value > 0 && value < 9.95 {
		return strconv.FormatFloat(value, 'g', 2, 64)
	}
	return strconv.FormatFloat(value, 'f', 0, 64)
}

func secondsText(seconds float64) string { return spanText(time.Duration(seconds) * time.Second) }

// spanText formats a time as users write it.
func spanText(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
