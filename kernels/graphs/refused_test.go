package graphs

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// refusals says, for each file of testdata/refused, what the error must name.
var refusals = map[string][]string{
	"attribute-type":  {`"first"`, "Softmax", "attribute axis", "float"},
	"attribute":       {`"first"`, "Gemm", "attribute own"},
	"axes-attribute":  {"ReduceMean, opset 18", "up to opset 17"},
	"axes-input":      {"ReduceMean, opset 17", "from opset 18"},
	"branch":          {`If "first"`, "else_branch", "graph"},
	"cast-down":       {"Cast", "from float to float16"},
	"count-gather":    {"Gather", `input 1, "e"`, "number of rows"},
	"count-reshape":   {"Reshape", `input 1, "t"`, "number of rows"},
	"count-slice":     {"Slice", `input 2, "e"`, "number of rows"},
	"dimensions":      {"MatMul", "[7 4]", "[5 1]"},
	"domain":          {"com.microsoft.FastGelu", `"first"`},
	"external":        {`"w"`, `"weights.bin"`, "external data"},
	"float16":         {"Mul", `"w"`, "float16"},
	"function":        {"functions"},
	"gelu-18":         {"Gelu, opset 18", "from opset 20"},
	"huge":            {`"w"`, "1099511627776", "134217728"},
	"infinite":        {`"w"`, "number 3", "-Inf"},
	"input-fixed":     {"no input has a free first dimension"},
	"input-free":      {"input x", "dimension 1"},
	"input-int64":     {"input x", "int64"},
	"input-large":     {"input x", "1048576 numbers"},
	"input-twice":     {"two inputs are named x"},
	"expand-large":    {"Expand", "67108864", "more than 4194304"},
	"reshape-large":   {"Reshape", "more than 67108864"},
	"outer-large":     {"Mul", "[3000 3000]", "more than 4194304"},
	"input-missing":   {"Relu", `"absent"`},
	"layer-norm-mean": {"LayerNormalization", `output 1, "m"`},
	"mix-all":         {"ReduceMax", "other rows"},
	"mix-concat":      {"Concat", "other rows"},
	"mix-count":       {"Cast", "number of rows"},
	"mix-flatten":     {"Flatten", "other rows"},
	"mix-gather":      {"Gather", "other rows"},
	"mix-mean":        {"ReduceMean", "other rows"},
	"mix-norm":        {"LayerNormalization", "other rows"},
	"mix-pair":        {`"second"`, "Sub", "other rows"},
	"mix-product":     {`"second"`, "MatMul", "other rows"},
	"mix-reshape":     {"Reshape", "[7 4]", "[4 7]", "other rows"},
	"mix-reverse":     {"Slice", "other rows"},
	"mix-slice":       {"Slice", "other rows"},
	"mix-softmax":     {"Softmax", "other rows"},
	"mix-sum":         {`"second"`, "MatMul", "other rows"},
	"nan":             {`"w"`, "number 1", "NaN"},
	"old-ir":          {"IR version 3"},
	"operator":        {"opset 20", "Einsum", `"first"`},
	"operators":       {"Einsum", "TopK"},
	"opset-12":        {"opset 12", "13 to 21"},
	"opset-22":        {"opset 22", "13 to 21"},
	"output-bool":     {"output o", "bool"},
	"output-constant": {"output o", "same for every row"},
	"output-missing":  {"output o", "no node"},
	"rows-second":     {"output o", "axis 1"},
	"short":           {`"w"`, "15 bytes", "16"},
	"sparse":          {"sparse"},
	"split-uneven":    {"Split", "4 places", "3 parts"},
	"training":        {"Dropout", "training_mode"},
	"twice":           {"Tanh", `"o"`},
	"zero":            {"Slice", "without elements"},
}

func TestRefusals(t *testing.T) {
	found := files(t, "refused/*.onnx", 1)
	if len(found) != len(refusals) {
		t.Errorf("%d files, and %d refusals are known", len(found), len(refusals))
	}
	for _, file := range found {
		name := strings.TrimSuffix(filepath.Base(file), ".onnx")
		_, err := Load(read(t, file))
		if err == nil || refusals[name] == nil {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		for _, part := range refusals[name] {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not name %s", name, err, part)
			}
		}
	}
}

// TestRefusalsAreShort: whatever a file calls its parts, and however many it has, a refusal is one line of at most 500
// bytes.
func TestRefusalsAreShort(t *testing.T) {
	long := strings.Repeat("A", 1000)
	many, last := hiddenDraft(), "hidden"
	for i := range 200 {
		next := fmt.Sprint("y", i)
		many.node(fmt.Sprintf("%s = Unknown%d %s", next, i, last))
		last = next
	}
	for what, one := range map[string]struct {
		file []byte
		want string
	}{
		"an operator": {hiddenDraft().node("score = " + long + " hidden").file("score"), "not supported in head graphs: AAA"},
		"a value":     {hiddenDraft().node("score = Relu " + long).file("score"), "is computed by no node before it"},
		"an output":   {hiddenDraft().node("score = Relu hidden").file(long), "no node computes it"},
		"operators":   {many.file(last), "not supported in head graphs: Unknown0 "},
	} {
		_, err := Load(one.file)
		if err == nil || len(err.Error()) > 500 || !strings.HasPrefix(err.Error(), "head graph: ") || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s: %d bytes, %v", what, len(fmt.Sprint(err)), err)
		}
	}
}

func TestInputsAreRefusedByNameAndPlace(t *testing.T) {
	g := load(t, "testdata/heads/user-dot.onnx")
	nan := float32(0)
	nan /= nan
	good := func() map[string]Tensor { return example(g, 2, 1) }
	for _, one := range []struct {
		change func(in map[string]Tensor)
		want   string
	}{
		{func(in map[string]Tensor) { delete(in, "latent") }, `input "latent" is missing`},
		{func(in map[string]Tensor) { in["own"] = in["latent"] }, `input "own"`},
		{func(in map[string]Tensor) { in["hidden"].Data[17] = nan }, `input "hidden": number 17, at [1 1], is NaN`},
		{func(in map[string]Tensor) { in["latent"].Data[2] = 1 / float32(0*nan+0) }, `input "latent": number 2, at [0 2], is`},
		{func(in map[string]Tensor) { in["hidden"] = Tensor{[]int{2, 15}, make([]float32, 30)} }, `[2 15]`},
		{func(in map[string]Tensor) { in["hidden"] = Tensor{[]int{2, 16}, make([]float32, 31)} }, `31 numbers`},
		{func(in map[string]Tensor) { in["hidden"] = Tensor{[]int{0, 16}, nil} }, `[0 16]`},
		{func(in map[string]Tensor) { in["hidden"] = Tensor{[]int{1 << 62, 16}, make([]float32, 16)} }, `16 numbers`},
		{func(in map[string]Tensor) { in["hidden"] = Tensor{[]int{16}, make([]float32, 16)} }, `[16]`},
		{func(in map[string]Tensor) { in["hidden"] = Tensor{[]int{3, 16}, make([]float32, 48)} }, `rows`},
	} {
		in := good()
		one.change(in)
		if _, err := g.Run(in); err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("error %v does not name %s", err, one.want)
		}
	}
	for _, one := range []struct {
		output string
		label  int
		input  string
		want   string
	}{
		{"other", 0, "hidden", `output "other"`},
		{"score", 1, "hidden", `label 1 of output "score", which has 1`},
		{"score", -1, "hidden", "label -1"},
		{"score", 0, "own", `input "own"`},
	} {
		if _, err := g.Gradient(good(), one.output, one.label, one.input); err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("error %v does not name %s", err, one.want)
		}
	}
	gating := load(t, "testdata/heads/gating.onnx")
	if _, err := gating.Gradient(example(gating, 2, 1), "rewards", 0, "prompt"); err == nil || !strings.Contains(err.Error(), "no path") {
		t.Errorf("error %v", err)
	}
	quantiles := load(t, "testdata/heads/quantiles.onnx")
	if dims := quantiles.Outputs()[2].Dims; len(dims) != 2 || dims[1] != 7 {
		t.Errorf("dimensions %v", dims)
	}
}
