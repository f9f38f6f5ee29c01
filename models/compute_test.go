package models

import (
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/onnxrun"
)

// TestKeysOfAnotherTypeAreRefused: a manifest that says that its graph computes in 16 bits, of a graph whose keys are
// float32, is refused by the name of the input, its type and the type that is asked.
func TestKeysOfAnotherTypeAreRefused(t *testing.T) {
	for _, compute := range []string{"float16", "bfloat16"} {
		d := copyBundle(t, "qwen3-reward-packed")
		d.edit("assay.yaml", "precision: float32", "precision: "+compute+"\n  compute: "+compute+"\n  drift: {score: 0.001, order: 0.99, items: 64}")
		_, err := Open(t.Context(), Dir(d.dir), Options{Tokens: 512})
		want := "graph.compute is " + compute + ": the graph's input past_key.0 is float, and must be " + compute
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestWhatIsPutBehindAPlanChangesNothing: with key places, tokens and readings put behind, as a GPU's libraries like
// them, every graph reads the bits that it reads without, alone, together and of a shared prefix.
func TestWhatIsPutBehindAPlanChangesNothing(t *testing.T) {
	for _, name := range []string{
		"bundles/qwen3-reward-packed", "bundles/gemma2-process-packed", "bundles/qwen3-reward-packed-int8", "families/dpo-qwen3-tied",
		"encoders/bert-reranker-packed", "encoders/modernbert-reranker-mean-packed",
	} {
		t.Run(name, func(t *testing.T) {
			m := fixture(t, "../"+name)
			plain := m.batching(Options{})
			filled := plain
			filled.Rounding = roundingOn(onnxrun.Device{GPUs: []int{0}})
			probes := m.probes()
			alone, err := m.readAlone(t.Context(), plain, probes)
			if err != nil {
				t.Fatal(err)
			}
			also, err := m.readAlone(t.Context(), filled, probes)
			if err != nil {
				t.Fatal(err)
			}
			together, err := m.forward(t.Context(), filled, probes)
			if err != nil {
				t.Fatal(err)
			}
			for i := range probes {
				if !sameBits(also[i], alone[i]) || !sameBits(together[i], alone[i]) {
					t.Errorf("a probe of %d tokens is %v, %v in a plan that is filled up and %v in one of several", len(probes[i].IDs), alone[i], also[i], together[i])
				}
			}
		})
	}
}
