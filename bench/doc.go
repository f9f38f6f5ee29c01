// Command bench measures the throughput that a scoring server reaches over HTTP, as a share of the ideal: the padded graph
// called in process by ONNX Runtime on the same machine, in the same run, for the same texts.
//
// One round of one load is: the ideal once per token budget, then each server once; rounds repeat (A B A B …), and the
// figures are medians, because machines are noisy. Each round has texts of its own, so a server's cache cannot know them.
// Every answer is checked against the score that the padded graph gave, so a fast wrong server cannot win.
//
// It knows nothing of Assay but its wire format, starts one child process (ideal.py), speaks to loopback addresses only and
// stops by itself. run.sh makes the model, starts the server and calls it.
package main
