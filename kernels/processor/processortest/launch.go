package processortest

import (
	"fmt"
	"math"
	"strings"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// Launch implements [kernels.Machine]: it takes a launch of package operators for the call that it was made of, so that
// the checks of package kerneltest try these kernels too.
func (m *Machine) Launch(kernel string, grid [2]int, _ int, arguments ...uint64) error {
	name, suffix, _ := cutLast(kernel, "_")
	typed, known := map[string]kernels.Type{"f16": kernels.Float16, "bf16": kernels.BFloat16}[suffix]
	if !known {
		return fmt.Errorf("%s: there is no such kernel", kernel)
	}
	size := 0
	if _, err := fmt.Sscanf(name, "attention_%d", &size); err == nil {
		name = "attention"
	}
	at := func(i int) uintptr { return uintptr(arguments[i]) }
	number := func(i int) int { return int(arguments[i]) }
	float := func(i int) float32 { return math.Float32frombits(uint32(arguments[i])) }
	switch name {
	case "add_rms_norm":
		return m.Run(operators.AddRmsNorm{
			Type: typed, Tokens: grid[0], Width: number(5), Residual: at(0), X: at(1), Weight: at(2), Normed: at(3), Summed: at(4), Epsilon: float(6),
		})
	case "add_layer_norm":
		return m.Run(operators.AddLayerNorm{
			Type: typed, Tokens: grid[0], Width: number(6), Residual: at(0), X: at(1), Weight: at(2), Bias: at(3), Normed: at(4), Flows: at(5), Epsilon: float(7),
			Behind: arguments[8] != 0,
		})
	case "gelu":
		return m.Run(operators.Gelu{Type: typed, Tokens: grid[0], Width: number(2), X: at(0), Out: at(1)})
	case "swiglu", "geglu":
		return m.Run(operators.SwiGLU{Type: typed, Tokens: grid[0], Width: number(2), GateUp: at(0), GELU: name == "geglu", Out: at(1)})
	case "quantize_rows":
		return m.Run(operators.QuantizeRows{Type: typed, Rows: grid[0], Width: number(3), X: at(0), Levels: at(1), Scales: at(2)})
	case "rotate":
		return m.Run(operators.Rotate{
			Type: typed, Tokens: grid[0], QKV: at(0), Positions: at(1), Cos: at(2), Sin: at(3), QueryNorm: at(4), KeyNorm: at(5), TokenSlots: at(6), KeyPool: at(7),
			ValuePool: at(8), Queries: at(9), Heads: number(10), Groups: number(11), Size: number(12), Turned: number(13), Places: number(14), Slots: number(15),
			Epsilon: float(16),
		})
	case "attention":
		return m.Run(operators.TileAttention{
			Type: typed, Size: size, Tiles: grid[0] / ceiling(number(13)*(number(10)/number(11)), 64), Queries: at(0), Positions: at(1), QueryIndex: at(2),
			KeySlots: at(3), KeyLen: at(4), ScatterIndex: at(5), KeyPool: at(6), ValuePool: at(7), Out: at(8), Tokens: number(9), Heads: number(10),
			Groups: number(11), Slots: number(12), TileQueries: number(13), TileKeys: number(14), Window: number(15), Causal: arguments[16] != 0, Scale: float(17),
			Softcap: float(18),
		})
	}
	return fmt.Errorf("%s: there is no such kernel on the processors", kernel)
}

// cutLast cuts around the last of the separators.
func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}
