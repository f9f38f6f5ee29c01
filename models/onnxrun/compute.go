package onnxrun

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assay-rm/assay/kernels/operators"
	"github.com/assay-rm/assay/kernels/processor"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/inplace"
	"github.com/assay-rm/assay/models/manifest"
)

// leastForBFloat16 is the first compute capability, times ten, whose tensor cores multiply bfloat16.
const leastForBFloat16 = 80

// checkCompute refuses a graph whose type the device does not multiply. A GPU that cannot be asked is passed over: the
// CUDA provider says why when it is made.
func (d Device) checkCompute(g *manifest.Graph) error {
	if g.Assay() && d.OnGPU() && !g.Halves() {
		return fault.New(fault.CodeDevice, "graph.operators is assay and graph.compute %s, and on a GPU these operators compute in float16 and bfloat16: "+
			"export the checkpoint with assay-export --compute float16 --operators assay", g.Compute)
	}
	if sizes := operators.HeadSizes(); g.Assay() && d.OnGPU() && !slices.Contains(sizes, int(g.HeadDim)) {
		return fault.New(fault.CodeDevice, "graph.head_dim is %d, and the attention of domain assay has kernels for %s: export the checkpoint without --operators",
			g.HeadDim, strings.Trim(fmt.Sprint(sizes), "[]"))
	}
	if !d.OnGPU() && g.Assay() {
		return d.checkFast(g, processor.Best())
	}
	if !g.BFloat16() {
		return nil
	}
	if !d.OnGPU() {
		return fault.New(fault.CodeDevice, "graph.compute is bfloat16, and ONNX Runtime has no products of bfloat16 for processors: "+
			"serve it with --device cuda, or export the checkpoint with assay-export --compute float32")
	}
	for _, number := range d.GPUs {
		if capability, err := inplace.Capability(number); err == nil && capability < leastForBFloat16 {
			return unusable(strconv.Itoa(number), "graph.compute is bfloat16, which needs compute capability 8.0, and it has "+
				strconv.Itoa(capability/10)+"."+strconv.Itoa(capability%10)+": export the checkpoint with assay-export --compute float16")
		}
	}
	return nil
}
