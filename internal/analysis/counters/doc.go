// Package counters turns cumulative counters into what has happened since the last look: how many requests the canary and its
// primary answered, how many of them failed, and how many were slower than each bound of the histograms. It is pure: samples in,
// increments out.
//
// # Rules
//
//   - The increment of a series is the difference between two of its samples. Sums are never subtracted: the restart of one pod
//     would hide behind the requests of another.
//   - A series that falls was reset, and what it shows then is its increment. If a bucket falls, so did its whole histogram.
//   - A new series of a known pod or gateway begins at zero, and so do all series of a pod that was created after the rollout began.
//     Anything else that is new is remembered first, and counted from there.
//   - A series that is gone keeps what it gave. When it is back, it continues.
//   - Each sample is counted once, however many polls see it, and all samples since the last poll are counted, however many there are.
//   - A poll counts when both versions were scraped since the last one. Until then nothing is counted, and so nothing is lost.
//   - A poll that shows more errors than requests is dropped.
//
// So no request is counted twice. What is lost is what nobody can see: what a series counted between its last scrape and a
// reset, and all of a series that was reset and has since passed its old value.
//
// # Order
//
// Calls go down this list:
//
//   - advance, windows: a poll, and periods of the last hour
//   - admit, remember: which pods and series a poll may know, and what the next poll needs
//   - delta, histogram: increments of one series, and of one histogram
//   - interval: how often the metrics server scrapes, and how far back to look
//   - read, native: which series of an answer are counted, and as what
//   - clean: samples that can be counted
//   - text: the state as it stands in the status
//   - state, counts, series: what all of them use
package counters
