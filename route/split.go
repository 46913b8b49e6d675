// Package route knows how HTTPRoutes of the Gateway API share requests between a primary and its canary. It is pure:
// values in, values out.
package route

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation"

	"sluice.dev/sluice/config"
)

// Split states how the requests for a Service are shared with its canary. It is the value of the annotation
// sluice.dev/split, which admission renders into the weights of the rules.
type Split struct {
	// Deployment that is being rolled out.
	Deployment string `json:"deployment"`
	// Primary and Canary are the names of the two Services.
	Primary string `json:"primary"`
	Canary  string `json:"canary"`
	// Weight is the canary's share in percent, 0 to 100.
	Weight int32 `json:"weight"`
	// Scale is what the user's weights were multiplied by to be shared exactly, 1 when absent.
	Scale int32 `json:"scale,omitempty"`
}

// Encode returns the annotation's value.
func (s Split) Encode() string {
	content, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and numbers can always be encoded
	}
	return string(content)
}

func (s Split) scale() int32 {
	return max(1, s.Scale)
}

// SplitOf returns the split that annotations state, nil when they state none. The error says what is wrong with a value
// that somebody else wrote.
func SplitOf(annotations map[string]string) (*Split, error) {
	value, set := annotations[config.AnnotationSplit]
	if !set {
		return nil, nil
	}
	var split Split
	if err := json.Unmarshal([]byte(value), &split); err != nil {
		return nil, fmt.Errorf("must be JSON as sluice writes it: %w", err)
	}
	for field, name := range map[string]string{"primary": split.Primary, "canary": split.Canary} {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return nil, fmt.Errorf("%s must be the name of a Service: %s", field, problems[0])
		}
	}
	if problems := validation.IsDNS1123Subdomain(split.Deployment); len(problems) > 0 {
		return nil, fmt.Errorf("deployment must be the name of a Deployment: %s", problems[0])
	}
	if split.Primary == split.Canary {
		return nil, fmt.Errorf("primary and canary must be two Services")
	}
	if split.Weight < 0 || split.Weight > 100 {
		return nil, fmt.Errorf("weight must be from 0 to 100 (percent), not %d", split.Weight)
	}
	if split.Scale < 0 || split.Scale > mostWeight {
		return nil, fmt.Errorf("scale must be from 1 to %d, not %d", mostWeight, split.Scale)
	}
	return &split, nil
}
