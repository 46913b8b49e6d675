package analysis

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sluice.dev/sluice/internal/analysis/presets"
)

// form is what the value of the label that tells versions apart looks like.
type form struct {
	// pattern is a regular expression for a target, and fits the same in Go: to compile a pattern in every tick takes longer than all else.
	pattern func(Target) string
	fits    func(t Target, value string) bool
	// exact means that only the name of the workload fits.
	exact bool
}

// forms are those that have a name.
var forms = map[string]form{
	"pod":             {pattern: podsOf, fits: fitsPod},
	"workload":        {pattern: func(t Target) string { return regexp.QuoteMeta(t.Workload) }, fits: fitsWorkload, exact: true},
	"traefik-service": {pattern: traefikService, fits: fitsTraefik},
}

func formOf(version presets.Version) form {
	if version.Is != "" {
		return forms[version.Is]
	}
	like := make([][]string, 0, len(version.Like))
	for _, text := range version.Like {
		like = append(like, partsOf(text))
	}
	return form{
		pattern: func(t Target) string {
			patterns := make([]string, 0, len(like))
			for _, parts := range like {
				patterns = append(patterns, patternOf(parts, t))
			}
			return strings.Join(patterns, "|")
		},
		fits: func(t Target, value string) bool {
			return slices.ContainsFunc(like, func(parts []string) bool { return fitsParts(parts, t, value) })
		},
	}
}

var placeholders = regexp.MustCompile(`\{[a-z]+\}`)

// partsOf cuts a form into its placeholders and what is between them.
func partsOf(text string) (parts []string) {
	for text != "" {
		at := placeholders.FindStringIndex(text)
		switch {
		case at == nil:
			return append(parts, text)
		case at[0] == 0:
			parts, text = append(parts, text[:at[1]]), text[at[1]:]
		default:
			parts, text = append(parts, text[:at[0]]), text[at[0]:]
		}
	}
	return parts
}

// named is what stands for a part that has one value.
func (t Target) named(part string) string {
	switch part {
	case "{namespace}":
		return t.Namespace
	case "{service}":
		return t.Service
	case "{workload}":
		return t.Workload
	}
	return part
}

func patternOf(parts []string, t Target) string {
	pattern := ""
	for _, part := range parts {
		switch part {
		case "{port}":
			pattern += portsOf(t)
		case "{any}":
			pattern += ".+"
		default:
			pattern += regexp.QuoteMeta(t.named(part))
		}
	}
	return pattern
}

// fitsParts is patternOf. A port is all digits that follow, so no digit may follow a port in a form.
func fitsParts(parts []string, t Target, value string) bool {
	for i, part := range parts {
		switch part {
		case "{any}":
			for cut := 1; cut <= len(value); cut++ {
				if fitsParts(parts[i+1:], t, value[cut:]) {
					return true
				}
			}
			return false
		case "{port}":
			number := value[:len(value)-len(strings.TrimLeft(value, "0123456789"))]
			if number == "" || !t.hasPort(number) {
				return false
			}
			value = value[len(number):]
		default:
			rest, begins := strings.CutPrefix(value, t.named(part))
			if !begins {
				return false
			}
			value = rest
		}
	}
	return value == ""
}

// fitsPod is podsOf.
func fitsPod(t Target, value string) bool {
	hashes, has := strings.CutPrefix(value, t.Workload+"-")
	set, pod, two := strings.Cut(hashes, "-")
	return has && two && alphanumeric(set) && len(pod) == 5 && alphanumeric(pod)
}

// fitsWorkload is equality.
func fitsWorkload(t Target, value string) bool { return value == t.Workload }

// fitsTraefik is traefikService.
func fitsTraefik(t Target, value string) bool {
	value, ours := strings.CutSuffix(value, "@kubernetesgateway")
	cut := strings.LastIndexByte(value, '-')
	if !ours || cut < 0 {
		return false
	}
	front, number := value[:cut], value[cut+1:]
	if !digits(number) {
		return false
	}
	service := t.Namespace + "-" + t.Service
	if before, named := strings.CutSuffix(front, "-svc-"+service); named && before != "" {
		return true
	}
	scheme, named := strings.CutPrefix(front, service)
	return named && (scheme == "" || scheme[0] == '-' && alphanumeric(scheme[1:])) && t.hasPort(number)
}

// hasPort reports whether the routes send to a port. Without any ports they may send to each.
func (t Target) hasPort(number string) bool {
	return len(t.Ports) == 0 || slices.ContainsFunc(t.Ports, func(port int32) bool { return strconv.Itoa(int(port)) == number })
}

func digits(text string) bool { return made(text, func(c byte) bool { return '0' <= c && c <= '9' }) }

func alphanumeric(text string) bool {
	return made(text, func(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' })
}

// made reports whether a text has bytes, and only such.
func made(text string, of func(byte) bool) bool {
	for i := range len(text) {
		if !of(text[i]) {
			return false
		}
	}
	return text != ""
}
