// Package guard decides whether a canary is harmful, healthy, or neither yet, from counters of both versions. It is pure: values
// in, values out, no clock, no queries.
//
// # For a reader who knows no statistics
//
// After each poll the guard asks one question: how many times likelier is what both versions did if the canary is harmful than
// if it is not? That number is the evidence. It starts at 1. A failed request of the canary multiplies it by something above 1,
// requests that succeed and failed requests of the primary by something below. At 100 (1/alpha) the canary is rolled back. For a
// healthy canary this happens in at most one of a hundred rollouts (alpha), however long the rollout takes and however often it
// is looked at. A canary that fails much gets there in two polls; one that fails a little more than the primary needs more
// requests, and the guard waits for them instead of guessing.
//
// The same question the other way round advances a step before its time is up: is the data at least 20 times (1/beta) likelier
// for a healthy canary than for one that would do harm in the next step?
//
// # For a reader who does
//
// All tests are test martingales (e-processes) under their null hypotheses: evidence E with E = 1 at the start and E[E' | past]
// <= E as long as the canary is fine. Ville's inequality bounds the probability of ever reaching 1/alpha by alpha, so looking is
// free. Each test is a mixture over a grid of alternatives, with three changes that keep E[factor] <= 1: a reserve seeds fresh
// starts at each poll, a geometric prior for the time at which a regression begins; the factor of a poll is capped, so that two
// polls must agree; the log factor is multiplied by 1/phi, where phi is the burst factor of errors (Jensen: E[X^eta] <= 1 for
// eta in (0, 1]).
//
// RatioTest has H0: p_c <= rho*p_p + delta. With n requests and e errors of the canary (c) and its control (p), and an
// alternative of m times the boundary:
//
//	c  = (rho*n_c + n_p) / (m*rho*n_c + n_p)
//	lr = e_c*ln(m) + (e_c+e_p)*ln(c) - delta*n_c*(m*c - 1)
//
// With delta = 0 this is the conditional binomial likelihood ratio of the canary's share of all errors, which Lindon and Malek
// (Anytime-Valid Inference for Multinomial Count Data, NeurIPS 2022) use for Poisson counts, with measured exposures. It is
// exact for Bernoulli requests of any rate: a canary error multiplies by a = m*c, a control error by b = c, and rho*n_c*(a-1) +
// n_p*(b-1) = 0, so the expectation is at most exp of mean p_p times that, which is 1. Only the mean rate of an arm in a poll
// matters, so requests may be mixed and rates may drift or jump between polls, and what hits both arms cancels. The last term
// adds the absolute margin for a control that has hardly any errors.
//
// RateTest has H0: p <= q, with
//
//	lr = e*ln(m) + (n-e)*ln((1-m*q)/(1-q))
//
// Acceptance tests are the mirror images, with m < 1. A rate's acceptance depends on sums alone, and a ratio's on the
// differences of one table of log likelihoods (Likelihood), so bounds for reports cost little: the smallest rate and ratio whose
// acceptance has passed 1/beta. They are of all data so far, not the best ever shown: a canary that gets worse must not be
// described by its better past.
//
// Latencies are counts, too: how many requests were slower than a bound of the histogram. Nothing is interpolated. Each bound
// that some, but not most, of the primary's requests were slower than has its RatioTest (Howard and Ramdas, Sequential
// estimation of quantiles, Bernoulli 2022, invert the same counts for quantiles). So has the first bound that hardly any were
// slower than, with an absolute margin. A rollout without a history learns the bounds from the primary first.
//
// The evidence is the weighted mean of all tests: an e-process however they depend on each other, and the only admissible way of
// merging arbitrary ones (Vovk and Wang, E-values, Annals of Statistics 2021; Wang, 2024). The kernel needs 1.3 to 1.6 times the
// requests of Wald's bound ln(1/alpha)/KL; what is left is the price of margins, reserve and several metrics.
//
// # What is not the canary's fault
//
// The canary is compared with a number only while the primary keeps it (Gate). Two memories of the primary must: a short one, which
// closes the gate soon, and one of at least 3/SLO requests, which keeps it closed in an outage whose last seconds had no error. Where
// the short one has fewer than 1/SLO requests, an error also closes the gate until as many have followed without one. All begin with
// the hour before the rollout. While the primary clearly fails, the rollout is held. If that lasts, and the whole route is
// proven to fail more than before, it goes back a step, once in each outage: if both versions are well there, the canary may be the
// cause; if not, it is held until the outage ends.
//
// Suspicion, evidence of 2 and more, holds a step whose time is up. What follows it is outside of Ville's guarantee and was chosen by
// simulation: only suspicion in a row counts, not while the primary fails, and it rolls back only with evidence of at least the
// square root of what proves harm.
//
// # How it is used
//
// Start, before the first request, chooses from the last hour of the primary what is compared. Decide takes each poll. The State
// between is stored as text; Restart follows if it is lost. Poll has increments: resets, new series and sample times are settled
// by whoever reads the counters. The warm-up of latencies is settled by Counts.Add.
package guard
