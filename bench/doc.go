// Command bench measures a scoring server over HTTP, against its ideal, against itself set up otherwise, and against
// rivals.
//
// A run is a list of scenarios (scenario.go), one small file for each whose shape is its own. A scenario compares what
// it measures in one run on one machine, so its figures are ratios: the share of what the best engine reaches in
// process, with the cache over without it, single requests over bulk. Rounds alternate (A B A B …) and figures are
// medians, because machines are noisy. Each round has texts of its own, so no cache can know them. Answers are checked,
// so a fast wrong server cannot win.
//
// Two kinds of load are made. In a closed loop so many clients each have one request in flight (closed.go). In an open
// loop requests leave at a fixed rate whatever the server does, and latency runs from the moment a request was due
// (open.go).
//
// It knows nothing of Assay but its wire format and its command over files, starts no process but its scripts
// (ideal.py, roofline.py) and that command, speaks to loopback addresses only, is bounded in count and time, and stops
// by itself. run.sh makes the models, starts the servers and calls it.
package main
