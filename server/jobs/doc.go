// Package jobs keeps long questions on disk until they are answered: their rows, how far they are, and their results.
//
// What is kept lies in NATS JetStream: in a directory that a server inside this process holds, or in a cluster of NATS
// servers that several processes share. A job's rows are cut into chunks. A chunk is computed by whoever takes it from
// the queue; where that process dies, another takes it, or the same one after its restart. Its result is stored under
// the chunk's number, and only once, so that a chunk that was computed twice has one result all the same.
//
//	Store.Begin   rows → chunks in the queue     intake.go
//	Store.Run     a chunk → Work → its result    run.go, turns.go
//	Store.Result  results, chunk by chunk        results.go
//
// This is the life of a chunk, of which every step may be repeated, so a crash between any two loses and doubles
// nothing:
//
//	taken from the queue → computed → its result stored, unless there is one → counted in the job, once → acknowledged
//
// Package jobs knows neither HTTP nor what a row means.
package jobs
