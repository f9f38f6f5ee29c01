package processor_test

import (
	"testing"

	"github.com/assay-rm/assay/kernels/kerneltest"
	"github.com/assay-rm/assay/kernels/processor/processortest"
)

// elsewhere are checks of the CUDA kernels that say something else of what no graph of ours asks for. Behind each
// stands what holds the processors' kernels in its place.
var elsewhere = map[string]bool{
	"linear8/sums": true, "linear8/extreme sums": true, // one kernel multiplies and scales: TestIntegerProducts
	"linear8/rows that are not finite": true, // their levels may be any: TestRowsThatAreNotFinite
	"rotate/outside":                   true, // positions outside are refused before: package nodes
	"attention/no keys":                true, // zeros, and not NaN: TestAttentionOfNothing
}

// The kernels of every tier hold to the definitions that the CUDA kernels are held to.
func TestDefinitions(t *testing.T) {
	for seed, machine := range processortest.Machines() {
		machine.Threads, machine.Share = 1+seed%2, seed
		t.Run(machine.String(), func(t *testing.T) {
			for _, check := range kerneltest.OperatorChecks() {
				if elsewhere[check.Kernel+"/"+check.Name] {
					continue
				}
				if _, err := check.Run(machine, uint64(seed)); err != nil {
					t.Errorf("%s, %s: %v", check.Kernel, check.Name, err)
				}
			}
		})
		if n := machine.Live(); n != 0 {
			t.Errorf("%v: %d buffers were not freed", machine, n)
		}
	}
}
