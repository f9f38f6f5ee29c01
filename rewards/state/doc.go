// Package state remembers numbers between requests: named states, each of one kind and within bounds, in a store that
// keeps every change whole or not at all.
//
//	Running      mean and deviation of all values seen
//	Quantiles    a bounded sample of the values seen, and its quantiles
//	Labels       a label for each key, and how often the key was seen
//	Multipliers  Lagrange multipliers of constraints, and their dual step
//	Users        a vector for each user, fitted from the pairs of which the user preferred the first
//	Neighbours   scored texts by their embeddings, and the reward fused of the nearest
//
// A state is declared by a [Spec] before it is used. It has cells by key, each a value of the kind, and what a kind
// does with an update is a pure function of the cell and the update. [States] reads a state, applies the updates of a
// request in their order, and swaps the result in if nobody has changed the state meanwhile; else it begins again. So
// no update is lost or done by halves, however many processes share a [Store].
//
// Every number that goes in or comes out is finite; what is not known is missing ([ops.Maybe]), and never 0.
package state
