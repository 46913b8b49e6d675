package forecast

import (
	"fmt"
	"strconv"
)

// figure shows a number of requests with two or three digits.
func figure(value float64) string {
	if value >= 9.95 {
		return fmt.Sprintf("%.0f", value)
	}
	return strconv.FormatFloat(value, 'g', 2, 64)
}

// percent shows a share, such as 0.12%.
func percent(share float64) string { return strconv.FormatFloat(100*share, 'g', 3, 64) + "%" }
