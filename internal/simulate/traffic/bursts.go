package traffic

// longestBurst is for how many seconds the errors of one cause may last.
const longestBurst = 60

// bursts are the errors of one version that are still to come.
type bursts struct{ due [longestBurst]int64 }

// begin starts causes, and spreads the errors of each over the seconds from now.
func (b *bursts) begin(k key, causes int64, burst Burst, now Seconds) {
	over := uint64(min(max(1, burst.Over), longestBurst))
	more := fractionOf(1 - 1/burst.Size)
	for cause := range uint64(causes) {
		for n := uint64(0); ; n++ {
			each := k.at(cause).at(n)
			b.due[(uint64(now)+uint64(each.at(1))%over)%longestBurst]++
			if !each.chance(more) {
				break
			}
		}
	}
}

// happen returns how many errors happen now, at most one for each request.
func (b *bursts) happen(requests int64, now Seconds) int64 {
	due := b.due[now%longestBurst]
	b.due[now%longestBurst] = 0
	return min(due, requests)
}
