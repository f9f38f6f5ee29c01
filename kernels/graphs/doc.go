// Package graphs runs reward heads on gorgonia: small ONNX graphs that turn rows of hidden states or features into
// readings.
//
// Load reads a file of opset 13 to 21, about sixty operators (rules.go), and proves it; Run computes readings, Gradient
// says how one reading moves with an input, and FitLatent finds the latent vector of a user from preferences.
//
// Promises:
//   - A row's readings and gradients have the same bits alone and in any batch. Load refuses a graph in which one row
//     could see another, naming the node; sums over a row are done in one order (product.go, rowwise.go).
//   - Readings are within 1e-5 of ONNX Runtime's, relative where they are above 1.
//   - A Graph is safe for concurrent use, on a backend if that is. A machine is not, so each run borrows one (program.go).
//   - What is not supported is refused when the file is loaded, by operator, opset and node.
//
// Rows are the free first dimension of inputs. An input whose dimensions are all fixed is shared by the rows. Computed
// values are float32; weights may be stored as float16, bfloat16 or double where the graph casts them to float.
//
// LoadOn gives a graph a backend of package kernels: what a pooled head covers becomes a fused step that calls its
// kernel (pattern.go says what, fusion.go when it may), and the rest stays on the host. RunStates reads hidden states
// where they lie.
//
// The graph, its gradients and the machine that runs it are gorgonia's, behind gorgonia.go alone; the operations are
// ours.
package graphs
