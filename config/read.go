package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

func yesOrNo(value string) error {
	if value != "true" && value != "false" {
		return fmt.Errorf(`must be "true" or "false"`)
	}
	return nil
}

func readInteger(to *int32, value string, most int64, unit string) error {
	number, err := strconv.ParseInt(value, 10, 32)
	if err != nil || number < 1 || number > most {
		return fmt.Errorf("must be a whole number from 1 to %d (%s)", most, unit)
	}
	*to = int32(number)
	return nil
}

func readWeight(to *float64, value string) error {
	var whole int32
	if err := readInteger(&whole, value, 100, "percent"); err != nil {
		return err
	}
	*to = float64(whole)
	return nil
}

func readDuration(to *time.Duration, value string, least time.Duration) error {
	duration, err := time.ParseDuration(value)
	if err != nil || duration < least {
		return fmt.Errorf("must be a duration of at least %s, such as 500ms, 30s or 1m30s", least)
	}
	*to = duration
	return nil
}

func readDeadline(to *time.Duration, value string) error {
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		value = strconv.FormatInt(seconds, 10) + "s"
	}
	return readDuration(to, value, time.Second)
}

func readPercent(to *float64, value string) error {
	number, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
	if err != nil || !(number >= 0 && number <= 100) {
		return fmt.Errorf("must be a percentage from 0 to 100, such as 99 or 99.5")
	}
	*to = number
	return nil
}

func readMinRequests(policy *Policy, value string) error {
	var number int32
	if err := readInteger(&number, value, math.MaxInt32, "requests"); err != nil {
		return err
	}
	policy.MinRequests = float64(number)
	return nil
}

func readLabels(policy *Policy, value string) error {
	for key := range strings.SplitSeq(value, ",") {
		key = strings.TrimSpace(key)
		if problems := validation.IsQualifiedName(key); len(problems) > 0 {
			return fmt.Errorf("must be label keys separated by commas: %q: %s", key, problems[0])
		}
		policy.IdentityLabels = append(policy.IdentityLabels, key)
	}
	return nil
}

func dnsLabel(value string) error {
	if problems := validation.IsDNS1035Label(value); len(problems) > 0 {
		return fmt.Errorf("must be the name of a Service in the same namespace: %s", problems[0])
	}
	return nil
}

func oneOf(value string, allowed []string) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("must be one of %s", strings.Join(allowed, ", "))
	}
	return nil
}
