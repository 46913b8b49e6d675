// Package traffic makes the requests of simulated rollouts. Every random number is a hash of the seed, the repetition, the second
// and the request, so all rules meet the same requests and outcomes, and differ only by the weights that they give. No number depends
// on the machine: the draws are comparisons of bits, without logarithms or exponentials. It is pure: the clock counts seconds from 0.
package traffic
