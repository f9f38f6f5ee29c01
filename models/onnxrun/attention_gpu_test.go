//go:build gpu

package onnxrun

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/manifest"
)

// Sizes of the graphs that deploy/gpu/graphs/attention.py makes.
const (
	attentionHeads, attentionDim = 32, 128
	attentionTable               = 1024 * 6144
	attentionMore                = 8 // nodes that one graph has more than the other
)

// attentionSizes are the tokens of a forward and how long its sequences are. Processors get small ones.
func attentionSizes() (tokens int, lengths []int) {
	if onGPU() {
		return 8192, []int{512, 2048, 8192}
	}
	return 48, []int{12, 48}
}

// onGPU tells whether the graphs run on a GPU, with ASSAY_REQUIRE_GPU=1, or on the processors.
func onGPU() bool { return os.Getenv("ASSAY_REQUIRE_GPU") == "1" }

// BenchmarkAttention times ONNX Runtime's Attention over tiles that were gathered, as graphs of stock operators have
// it, by our own session: what eight nodes more take, an eighth of it, and the rate at which the pairs of a query and a
// key that it sees are computed. Of the first and the last sequence it tells what share have the bits in that forward,
// beside one more, that they have alone.
func BenchmarkAttention(b *testing.B) {
	startRuntimeFor(b)
	tokens, lengths := attentionSizes()
	for _, compute := range []string{"float16", "bfloat16"} {
		if compute == "bfloat16" && !onGPU() {
			continue // which processors do not multiply
		}
		one, many := openAttention(b, compute, 1), openAttention(b, compute, 1+attentionMore)
		for _, length := range lengths {
			sequences := attentionSequences(tokens, length)
			plan := attentionPlan(b, sequences)
			b.Run(fmt.Sprintf("%s/%d", compute, length), func(b *testing.B) {
				var took [2]time.Duration
				for range b.N {
					for i, session := range []*Session{one, many} {
						start := time.Now()
						attend(b, session, plan)
						took[i] += time.Since(start)
					}
				}
				seconds := (took[1] - took[0]).Seconds() / attentionMore / float64(b.N)
				pairs := float64(tokens/length) * float64(length) * float64(length+1) / 2
				b.ReportMetric(1e3*seconds, "ms")
				b.ReportMetric(4*pairs*attentionHeads*attentionDim/seconds/1e12, "TFLOP/s")
				b.ReportMetric(100*sameAlone(b, one, sequences), "%same-bits")
			})
		}
		one.Close()
		many.Close()
	}
}

// TestAttentionTellsItsKernel runs each forward of the benchmark once with ONNX Runtime's log on standard error, behind
// a line that says which: the CUDA provider says there which kernel it takes.
func TestAttentionTellsItsKernel(t *testing.T) {
	startRuntimeFor(t)
	tokens, lengths := attentionSizes()
	for _, compute := range []string{"float16", "bfloat16"} {
		if compute == "bfloat16" && !onGPU() {
			continue
		}
		if err := ort.SetEnvironmentLogLevel(ort.LoggingLevelVerbose); err != nil {
			t.Fatal(err)
		}
		session := openAttention(t, compute, 1)
		for _, length := range lengths {
			fmt.Fprintf(os.Stderr, "attention %s/%d\n", compute, length)
			attend(t, session, attentionPlan(t, attentionSequences(tokens, length)))
		}
		session.Close()
		if err := ort.SetEnvironmentLogLevel(ort.LoggingLevelFatal); err != nil {
			t.Fatal(err)
		}
	}
}

// startRuntimeFor loads the ONNX Runtime that ASSAY_ONNXRUNTIME names, or that of the checkout.
func startRuntimeFor(tb testing.TB) {
	tb.Helper()
	library, err := FindRuntime(os.Getenv("ASSAY_ONNXRUNTIME"))
	if err == nil {
		err = StartRuntime(library)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// openAttention opens the graph of so many nodes, from the folder that ASSAY_ATTENTION names or from the checkout,
// beside a table of random numbers between -2 and 2.
func openAttention(tb testing.TB, compute string, nodes int) *Session {
	tb.Helper()
	from := os.Getenv("ASSAY_ATTENTION")
	if from == "" {
		from = filepath.Join("..", "..", "deploy", "gpu", "graphs", "attention")
	}
	content, err := os.ReadFile(filepath.Join(from, fmt.Sprintf("%s-%d.onnx", compute, nodes)))
	if err != nil {
		tb.Fatal(err)
	}
	signature, err := onnx.ReadSignature(content)
	if err != nil {
		tb.Fatal(err)
	}
	random, table := rand.New(rand.NewPCG(3, 4)), make([]byte, 0, 2*attentionTable)
	typed := map[string]kernels.Type{"float16": kernels.Float16, "bfloat16": kernels.BFloat16}[compute]
	for range attentionTable {
		table = binary.LittleEndian.AppendUint16(table, typed.Narrow(4*random.Float32()-2))
	}
	folder := tb.TempDir()
	graph := filepath.Join(folder, "model.onnx")
	for file, bytes := range map[string][]byte{graph: content, filepath.Join(folder, "table.bin"): table} {
		if err := os.WriteFile(file, bytes, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	device := Device{}
	if onGPU() {
		device.GPUs = []int{0}
	}
	about := &manifest.Manifest{Graph: manifest.Graph{
		Layout: "packed", Compute: compute, Output: "readings", Labels: make([]string, attentionHeads*attentionDim), Layers: 1, KVHeads: 8, HeadDim: attentionDim,
	}}
	session, err := Open(tb.Context(), &Graph{
		Manifest: about,
		Stages:   []Stage{{Inputs: signature.Inputs, Outputs: signature.Outputs, Path: graph, Bytes: int64(len(content)), External: int64(len(table))}},
	}, 1, device)
	if err != nil {
		tb.Fatal(err)
	}
	return session
}

// attentionSequences are as many random sequences of a length as the tokens suffice for. None shares a prefix with
// another.
func attentionSequences(tokens, length int) []batching.Sequence {
	sequences := make([]batching.Sequence, tokens/length)
	for i := range sequences {
		random := rand.New(rand.NewPCG(uint64(length), uint64(i)))
		ids := make([]int64, length)
		for j := range ids {
			ids[j] = random.Int64N(1024)
		}
		ids[0] = int64(i)
		sequences[i] = batching.Sequence{IDs: ids, Positions: []int{length / 2, length - 1}}
	}
	return sequences
}

// attentionPlan is one forward of sequences, filled up as a server fills it up on a GPU.
func attentionPlan(tb testing.TB, sequences []batching.Sequence) *batching.Plan {
	tb.Helper()
	plan, _, err := batching.MakePlan(sequences, batching.Options{Rounding: batching.Rounding{Keys: 4, Tokens: 64, Least: 256, Reads: 64}})
	if err != nil {
		tb.Fatal(err)
	}
	return plan
}

// attend runs a forward.
func attend(tb testing.TB, session *Session, plan *batching.Plan) [][]float32 {
	tb.Helper()
	rows, err := session.Run(tb.Context(), plan)
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

// sameAlone gives the share of the first and the last sequence that have the same bits in one forward of all, with a
// short one in front, as in a forward of their own.
func sameAlone(tb testing.TB, session *Session, sequences []batching.Sequence) float64 {
	tb.Helper()
	short := attentionSequences(20, 20)
	short[0].IDs[0] = 1023
	rows := attend(tb, session, attentionPlan(tb, slices.Concat(short, sequences)))
	same, ends := 0, slices.Compact([]int{0, len(sequences) - 1})
	for _, i := range ends {
		alone := attend(tb, session, attentionPlan(tb, sequences[i:i+1]))
		among := rows[2*(1+i):][:2]
		if slices.Equal(alone[0], among[0]) && slices.Equal(alone[1], among[1]) {
			same++
		}
	}
	return float64(same) / float64(len(ends))
}
