package counters

import "sort"

// eachTarget goes over clean series, all of a pod or gateway at a time.
func eachTarget(series []Series, do func([]Series)) {
	for len(series) > 0 {
		n := sort.Search(len(series), func(i int) bool { return series[i].Target > series[0].Target })
		do(series[:n])
		series = series[n:]
	}
}

// eachCounter goes over the clean series of one pod or gateway: its counters of requests, and all buckets of a histogram at a time.
func eachCounter(series []Series, requests func(Series), histogram func([]Series)) {
	for len(series) > 0 {
		first, n := series[0], 1
		switch first.Kind {
		case Requests:
			requests(first)
		case Bucket:
			n = sort.Search(len(series), func(i int) bool { return series[i].Family > first.Family })
			histogram(series[:n])
		}
		series = series[n:]
	}
}
