package graphs

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = float32(math.Sqrt2)

// geluDraft adds e, the exact GELU of p; the numbers of its formula may be others.
func geluDraft(d *draft, half, one, two float32) *draft {
	return d.constant("half", nil, half).constant("one", nil, one).constant("two", nil, two).
		node("e0 = Div p two").node("e1 = Erf e0").node("e2 = Add e1 one").node("e3 = Mul p e2").node("e = Mul e3 half")
}

func gemms() *draft { return hiddenDraft().node("p = Gemm hidden w b") }

func products() *draft { return hiddenDraft().node("m = MatMul hidden w") }

func deep() *draft {
	return newDraft(Value{"hidden", []int{-1, 3, 6}}).weight("w", 6, 4).weight("b", 4).weight("v", 4, 3).weight("c", 3)
}

// written are ways to write a head that must fuse into one op, and what it must be.
var written = map[string]struct {
	file []byte
	want string
}{
	"product and sum":      {products().node("score = Add m b").file("score"), "hidden → MatMul Add → score"},
	"sum turned round":     {products().node("score = Add b m").file("score"), "hidden → MatMul Add → score"},
	"bias of two axes":     {products().constant("r", []int{1, 4}, 1, 2, 3, 4).node("score = Add m r").file("score"), "hidden → MatMul Add → score"},
	"gemm and sum":         {hiddenDraft().node("m = Gemm hidden w").node("score = Add m b").file("score"), "hidden → Gemm Add → score"},
	"one unit, one number": {hiddenDraft().weight("u", 6, 1).weight("n", 1).node("score = Gemm hidden u n").file("score"), "hidden → Gemm → score"},
	"one unit, a number": {
		hiddenDraft().weight("u", 6, 1).constant("n", nil, 2).node("m = MatMul hidden u").node("score = Add m n").file("score"), "hidden → MatMul Add → score",
	},
	"weights turned":  {hiddenDraft().weight("u", 5, 6).node("score = Gemm hidden u", "transB", 1).file("score"), "hidden → Gemm → score"},
	"nothing between": {gemms().node("score = Gemm p v c").file("score"), "hidden → Gemm Gemm → score"},
	"sigmoid":         {gemms().node("score = Sigmoid p").file("score"), "hidden → Gemm Sigmoid → score"},
	"softmax, axis 1": {gemms().node("score = Softmax p", "axis", 1).file("score"), "hidden → Gemm Softmax → score"},
	"gate first":      {gemms().node("s = Sigmoid p").node("e = Mul s p").node("score = Gemm e v").file("score"), "hidden → Gemm Sigmoid Mul Gemm → score"},
	"gelu, half first": {
		gemms().constant("half", []int{1}, 0.5).constant("one", nil, 1).constant("two", nil, 1/root).node("h = Mul half p").
			node("e0 = Mul two p").node("e1 = Erf e0").node("e2 = Add one e1").node("e = Mul h e2").node("score = Gemm e v c").file("score"),
		"hidden → Gemm Mul Mul Erf Add Mul Gemm → score",
	},
	"gelu, half of the sum": {
		gemms().constant("half", nil, 0.5).constant("one", nil, 1).constant("two", nil, 1/root).node("e0 = Mul p two").
			node("e1 = Erf e0").node("e2 = Add e1 one").node("h = Mul e2 half").node("e = Mul p h").node("score = Gemm e v c").file("score"),
		"hidden → Gemm Mul Erf Add Mul Mul Gemm → score",
	},
	"three axes": {
		deep().node("m = MatMul hidden w").node("p = Add m b").node("e = Tanh p").node("n = MatMul e v").node("a = Add c n").
			node("score = Softmax a").file("score"), "hidden → MatMul Add Tanh MatMul Add Softmax → score",
	},
	"its input is read elsewhere": {
		gemms().integers("axes", 1).node("y = ReduceMax hidden axes").node("score = Sub p y").file("score"), "hidden → Gemm → p",
	},
}

// almost are heads but for one thing, and what of them must still fuse.
var almost = map[string]struct {
	file []byte
	want []string
}{
	"read elsewhere": {
		gemms().node("r = Relu p").node("q = Gemm r v c").weight("z", 4, 3).node("y = Neg p").node("x = MatMul y z").
			node("score = Add q x").file("score"),
		[]string{"hidden → Gemm → p", "r → Gemm → q", "y → MatMul → x"},
	},
	"an output on the way": {
		gemms().node("r = Relu p").node("score = Gemm r v c").file("score", "p"),
		[]string{"hidden → Gemm → p", "r → Gemm → score"},
	},
	"an activation as output": {
		gemms().node("r = Relu p").node("score = Gemm r v c").file("score", "r"),
		[]string{"hidden → Gemm → p", "r → Gemm → score"},
	},
	"an output before softmax": {
		gemms().node("score = Softmax p").file("score", "p"),
		[]string{"hidden → Gemm → p"},
	},
	"read before softmax": {
		gemms().node("s = Softmax p").node("score = Sub s p").file("score"),
		[]string{"hidden → Gemm → p"},
	},
	"two second layers": {
		gemms().node("r = Relu p").node("x = Gemm r v c").node("y = Gemm r v").node("score = Sub x y").file("score"),
		[]string{"hidden → Gemm → p", "r → Gemm → x", "r → Gemm → y"},
	},
	"a gate read elsewhere": {
		gemms().node("s = Sigmoid p").node("e = Mul p s").node("q = Gemm e v").weight("z", 4, 3).node("y = MatMul s z").
			node("score = Sub q y").file("score"),
		[]string{"hidden → Gemm → p", "e → Gemm → q", "s → MatMul → y"},
	},
	"a gate of another value": {
		gemms().node("o = Gemm hidden w").node("s = Sigmoid o").node("e = Mul p s").node("score = Gemm e v").file("score"),
		[]string{"hidden → Gemm → p", "hidden → Gemm Sigmoid → s", "e → Gemm → score"},
	},
	"read before the bias": {
		products().node("p = Add m b").node("score = Mul p m").file("score"),
		[]string{"hidden → MatMul → m"},
	},
	"a bias of one number": {
		products().constant("n", []int{1}, 2).node("score = Add m n").file("score"),
		[]string{"hidden → MatMul → m"},
	},
	"a bias of no axis": {
		products().constant("n", nil, 2).node("score = Add m n").file("score"),
		[]string{"hidden → MatMul → m"},
	},
	"a gemm's bias of one number": {
		hiddenDraft().constant("n", []int{1}, 2).node("score = Gemm hidden w n").file("score"),
		nil,
	},
	"a bias of each row": {
		newDraft(Value{"hidden", []int{-1, 6}}, Value{"o", []int{-1, 4}}).weight("w", 6, 4).node("m = MatMul hidden w").
			node("score = Add m o").file("score"),
		[]string{"hidden → MatMul → m"},
	},
	"a bias of more axes": {
		products().constant("n", []int{1, 1, 4}, 1, 2, 3, 4).integers("axes", 0).node("y = Add m n").
			node("score = Squeeze y axes").file("score"),
		[]string{"hidden → MatMul → m"},
	},
	"a bias on another axis": {
		newDraft(Value{"hidden", []int{-1, 4, 6}}).weight("w", 6, 4).weight("n", 4, 1).node("m = MatMul hidden w").
			node("score = Add m n").file("score"),
		[]string{"hidden → MatMul → m"},
	},
	"two biases": {
		gemms().weight("n", 4).node("score = Add p n").file("score"),
		[]string{"hidden → Gemm → p"},
	},
	"alpha": {
		hiddenDraft().node("score = Gemm hidden w b", "alpha", 0.5).file("score"),
		nil,
	},
	"beta": {
		hiddenDraft().node("score = Gemm hidden w b", "beta", 0.5).file("score"),
		nil,
	},
	"no beta at all": {
		hiddenDraft().node("score = Gemm hidden w b", "beta", 0.0).file("score"),
		nil,
	},
	"the input turned": {
		hiddenDraft().node("t = Transpose hidden", "perm", []int{1, 0}).node("score = Gemm t w b", "transA", 1).file("score"),
		nil,
	},
	"a vector as weight": {
		hiddenDraft().weight("u", 6).weight("z", 2, 1).node("m = MatMul hidden u").integers("axes", 1).
			node("score = Unsqueeze m axes").file("score"),
		nil,
	},
	"a computed weight": {
		newDraft(Value{"hidden", []int{-1, 6}}, Value{"o", []int{6, 2}}).node("score = MatMul hidden o").file("score"),
		nil,
	},
	"a weight of each row": {
		newDraft(Value{"hidden", []int{-1, 3, 6}}, Value{"o", []int{-1, 6, 2}}).node("score = MatMul hidden o").file("score"),
		nil,
	},
	"weights on three axes": {
		newDraft(Value{"hidden", []int{-1, 3, 6}}).weight("w", 1, 6, 2).node("score = MatMul hidden w").file("score"),
		nil,
	},
	"leaky": {
		gemms().node("r = LeakyRelu p").node("score = Gemm r v c").file("score"),
		[]string{"hidden → Gemm → p", "r → Gemm → score"},
	},
	"gelu by tanh": {
		gemms().node("r = Gelu p", "approximate", "tanh").node("score = Gemm r v c").file("score"),
		[]string{"hidden → Gemm → p", "r → Gemm → score"},
	},
	"gelu, another root": {
		geluDraft(gemms(), 0.5, 1, 1.41).node("score = Gemm e v c").file("score"),
		[]string{"hidden → Gemm → p", "e → Gemm → score"},
	},
	"gelu, another half": {
		geluDraft(gemms(), 0.6, 1, root).node("score = Gemm e v c").file("score"),
		[]string{"hidden → Gemm → p", "e → Gemm → score"},
	},
	"gelu, another one": {
		geluDraft(gemms(), 0.5, 0.9, root).node("score = Gemm e v c").file("score"),
		[]string{"hidden → Gemm → p", "e → Gemm → score"},
	},
	"gelu of another value": {
		hiddenDraft().constant("half", nil, 0.5).constant("one", nil, 1).constant("two", nil, root).node("o = Gemm hidden w").
			node("p = Gemm hidden w b").node("e0 = Div o two").node("e1 = Erf e0").node("e2 = Add e1 one").node("e3 = Mul p e2").
			node("e = Mul e3 half").node("score = Gemm e v c").file("score"),
		[]string{"hidden → Gemm → o", "hidden → Gemm → p", "e → Gemm → score"},
	},
	"softmax of another axis": {
		deep().node("m = MatMul hidden w").node("score = Softmax m", "axis", 1).file("score"),
		[]string{"hidden → MatMul → m"},
	},
	"softmax of groups": {
		gemms().integers("shape", -1, 2, 2).node("g = Reshape p shape").node("score = Softmax g").file("score"),
		[]string{"hidden → Gemm → p"},
	},
	"log of the softmax": {
		gemms().node("score = LogSoftmax p").file("score"),
		[]string{"hidden → Gemm → p"},
	},
}

// TestEveryWayToWriteAHeadFuses holds the patterns to ONNX Runtime on every backend.
func TestEveryWayToWriteAHeadFuses(t *testing.T) {
	for name, one := range written {
		checkFusions(t, name, one.file, []string{one.want})
	}
}

// TestWhatIsAlmostAHeadRunsAsItIs: what a fusion would compute otherwise stays on the host, and the numbers are ONNX
// Runtime's.
func TestWhatIsAlmostAHeadRunsAsItIs(t *testing.T) {
	for name, one := range almost {
		checkFusions(t, name, one.file, one.want)
	}
}

func checkFusions(t *testing.T, name string, file []byte, want []string) {
	t.Helper()
	for kind, backend := range backends() {
		g := loadOn(t, file, backend)
		if got, _ := g.Placement(); cmp.Diff(want, got) != "" {
			t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(want, got))
		}
		for _, rows := range []int{1, 5} {
			if d := fromRuntime(t, file, backend, rows); !(d <= tolerance) {
				t.Errorf("%s on the %s, %d rows: differs from ONNX Runtime by %.2g", name, kind, rows, d)
			}
		}
	}
}
