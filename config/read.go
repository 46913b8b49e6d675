package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

func yesOrNo(value string) error {
	if value != "true" && value != "false" {
		return fmt.Errorf(`must be "true" or "false"`)
	}
	return nil
}

func readYes(to **bool, value string) error {
	yes := value == "true"
	*to = &yes
	return yesOrNo(value)
}

func readInteger(to **int32, value string, least, most int64, unit string) error {
	number, err := strconv.ParseInt(value, 10, 32)
	if err != nil || number < least || number > most {
		return fmt.Errorf("must be a whole number from %d to %d (%s)", least, most, unit)
	}
	*to = new(int32)
	**to = int32(number)
	return nil
}

func readShare(to **int32, value string) error {
	return readInteger(to, strings.TrimSuffix(value, "%"), 0, 100, "percent")
}

func weightOf(value string, least float64) (float64, error) {
	number, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
	if err != nil || !(number >= least && number <= 100) || !IsFine(number) {
		return 0, fmt.Errorf("must be a percentage from %v to 100 with at most two decimals", least)
	}
	return number, nil
}

func readWeight(to **float64, value string, least float64) error {
	number, err := weightOf(value, least)
	*to = &number
	return err
}

func durationOf(value string, least time.Duration) (time.Duration, error) {
	duration, err := time.ParseDuration(value)
	if err != nil || duration < least {
		return 0, fmt.Errorf("must be a duration of at least %s, such as 30s or 1m30s", least)
	}
	return duration, nil
}

func readDuration(to **metav1.Duration, value string, least time.Duration) error {
	duration, err := durationOf(value, least)
	*to = &metav1.Duration{Duration: duration}
	return err
}

// readDeadline reads a time of at least some seconds.
func readDeadline(to **int32, value string, least int) error {
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		value = strconv.FormatInt(seconds, 10) + "s"
	}
	duration, err := durationOf(value, time.Duration(least)*time.Second)
	if err != nil || duration > MostDeadline*time.Second {
		return fmt.Errorf("must be a duration from %ds to %dh, such as 90s or 15m, or a number of seconds", least, MostDeadline/3600)
	}
	seconds := int32(duration.Round(time.Second).Seconds())
	*to = &seconds
	return nil
}

func readPercent(to *float64, value string) error {
	number, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
	if err != nil || !(number >= 0 && number <= 100) {
		return fmt.Errorf("must be a percentage from 0 to 100, such as 99 or 99.5")
	}
	*to = number
	return nil
}

// readChoice takes one of several words, in any case.
func readChoice[T ~string](to **T, value string, allowed ...T) error {
	words := make([]string, len(allowed))
	for i, word := range allowed {
		if words[i] = strings.ToLower(string(word)); strings.EqualFold(value, words[i]) {
			*to = &word
			return nil
		}
	}
	return fmt.Errorf("must be one of %s", strings.Join(words, ", "))
}

func readReplicas(to **string, value string) error {
	if readChoice(to, value, ReplicasProportional, ReplicasPrimary) == nil {
		return nil
	}
	*to = &value
	if _, err := ParseReplicas(value); err != nil {
		return fmt.Errorf("must be proportional, primary, a number from 1 such as 2, or a percentage from 1%% to 100%%")
	}
	return nil
}

func readLabels(to *Settings, value string) error {
	for _, key := range listed(value) {
		if problems := validation.IsQualifiedName(key); len(problems) > 0 {
			return fmt.Errorf("must be label keys separated by commas: %q: %s", key, problems[0])
		}
		to.IdentityLabels = append(to.IdentityLabels, key)
	}
	return nil
}

// readMissed reads the policies that may miss the canary.
func readMissed(to *Settings, value string) error {
	for _, policy := range listed(value) {
		kind, name, named := strings.Cut(policy, "/")
		if policy != "*" && (!named || len(validation.IsDNS1035Label(strings.ToLower(kind))) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0) {
			return fmt.Errorf("must be policies as KIND/NAME separated by commas, or *: %q is not", policy)
		}
		to.MissedPolicies = append(to.MissedPolicies, policy)
	}
	return nil
}

func dnsLabel(value string) error {
	if problems := validation.IsDNS1035Label(value); len(problems) > 0 {
		return fmt.Errorf("must be the name of a Service in the same namespace: %s", problems[0])
	}
	return nil
}

func dnsName(value string) error {
	if problems := validation.IsDNS1123Subdomain(value); len(problems) > 0 {
		return fmt.Errorf("must be the name of a CanaryPolicy or a ClusterCanaryPolicy: %s", problems[0])
	}
	return nil
}

func groupName(value string) error {
	if problems := validation.IsDNS1123Label(value); len(problems) > 0 {
		return fmt.Errorf("must be a name such as checkout: %s", problems[0])
	}
	return nil
}

func oneOf[T ~string](value string, allowed ...T) error {
	if !slices.Contains(allowed, T(value)) {
		return fmt.Errorf("must be one of %s", join(allowed, ", "))
	}
	return nil
}

// join is strings.Join for words of any type.
func join[T ~string](words []T, separator string) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	return strings.Join(texts, separator)
}
