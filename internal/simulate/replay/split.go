package replay

import "math"

// usual are the weights, in percent, that steps are taken to have where no policy names them. Steps between them are taken for the
// nearest: with few requests, closer ones cannot be told apart.
var usual = []float64{0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100}

const (
	// changes is the logarithm of how much likelier a change of the weight must make what follows. A change costs e^12, so that chance
	// makes none in a day of polls.
	changes = 12.0
	// believed is the largest number of requests of one poll, to the version that gets fewer, that says something about the weight. Both
	// versions are scraped at different times, so the share of a poll may be half or double the weight, and more requests do not make
	// it more certain.
	believed = 50.0
	// least is the share at a weight of 0, and one less it that at 100: a late request must not make them impossible.
	least = 1e-5
)

// weightsOf returns the weight, in percent, at each poll: the most likely sequence of the weights that are given and of 0, given what
// both versions got. A poll without requests has the weight of the poll before.
func weightsOf(looks []look, weights []float64) []float64 {
	if len(looks) == 0 {
		return nil
	}
	weights = append([]float64{0}, weights...)
	// from[i][j] is the weight before that of poll i, if that is weight j. best is how likely the best sequence to each weight is.
	from, best := make([][]uint16, len(looks)), make([]float64, len(weights))
	for i := range looks {
		top := highest(best)
		changed := best[top] - changes
		from[i] = make([]uint16, len(weights))
		canary, primary := counted(looks[i])
		for j, weight := range weights {
			from[i][j] = uint16(j)
			if changed > best[j] {
				from[i][j], best[j] = uint16(top), changed
			}
			best[j] += likelihood(canary, primary, weight)
		}
	}
	path := make([]float64, len(looks))
	at := highest(best)
	for i := len(looks) - 1; i >= 0; i-- {
		path[i] = weights[at]
		at = int(from[i][at])
	}
	return path
}

// counted are the requests of a poll that say something about the weight.
func counted(l look) (canary, primary float64) {
	if !l.Counted {
		return 0, 0
	}
	part := min(1, believed/max(1, min(l.Canary.Requests, l.Primary.Requests)))
	return part * l.Canary.Requests, part * l.Primary.Requests
}

// likelihood is the logarithm of how likely the requests are at a weight.
func likelihood(canary, primary, weight float64) float64 {
	share := min(max(weight/100, least), 1-least)
	return float64(canary*math.Log(share)) + float64(primary*math.Log1p(-share))
}

func highest(values []float64) int {
	at := 0
	for i, value := range values {
		if value > values[at] {
			at = i
		}
	}
	return at
}
