package graphs

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// preferences makes pairs of hidden states that a user of that latent prefers by the head's own scores.
func preferences(t *testing.T, g *Graph, latent []float32, pairs int) (chosen, rejected Tensor) {
	t.Helper()
	var sides [2]map[string]Tensor
	var scores [2][]float32
	for i := range sides {
		sides[i] = example(g, pairs, uint64(100+i))
		for j := range sides[i]["latent"].Data {
			sides[i]["latent"].Data[j] = latent[j%len(latent)]
		}
		out, err := g.Run(sides[i])
		must(t, err)
		scores[i] = out["score"].Data
	}
	chosen, rejected = sides[0]["hidden"], sides[1]["hidden"]
	for i := range pairs {
		if scores[0][i] < scores[1][i] {
			for j := i * 16; j < (i+1)*16; j++ {
				chosen.Data[j], rejected.Data[j] = rejected.Data[j], chosen.Data[j]
			}
		}
	}
	return chosen, rejected
}

func TestFitLatentFindsTheUser(t *testing.T) {
	user := []float32{1.5, -1, 0.5, -2}
	for _, head := range []string{"user-dot", "user-concat", "user-mixture", "user-concat.script"} {
		g := load(t, "testdata/heads/"+head+".onnx")
		chosen, rejected := preferences(t, g, user, 80)
		fit := Fit{
			Latent: "latent", Output: "score", Chosen: map[string]Tensor{"hidden": chosen}, Rejected: map[string]Tensor{"hidden": rejected}, Prior: 2, Steps: 3000,
		}
		got, err := g.FitLatent(t.Context(), fit)
		must(t, err)
		again, err := g.FitLatent(t.Context(), fit)
		must(t, err)
		if !slices.Equal(got.Latent.Data, again.Latent.Data) || got.Steps != again.Steps {
			t.Errorf("%s: two fits differ", head)
		}
		t.Logf("%s: %v %.3v, loss %.4f to %.4f in %d steps, converged %v", head, got.Latent.Dims, got.Latent.Data, got.Before, got.After, got.Steps, got.Converged)
		if !(got.After < got.Before) || !got.Converged {
			t.Errorf("%s: loss %g before and %g after %d steps", head, got.Before, got.After, got.Steps)
		}
		right := 0
		out := map[string][]float32{}
		for side, hidden := range map[string]Tensor{"chosen": chosen, "rejected": rejected} {
			in := example(g, 80, 1)
			in["hidden"] = hidden
			for j := range in["latent"].Data {
				in["latent"].Data[j] = got.Latent.Data[j%4]
			}
			scores, err := g.Run(in)
			must(t, err)
			out[side] = scores["score"].Data
		}
		for i, v := range out["chosen"] {
			if v > out["rejected"][i] {
				right++
			}
		}
		if right < 68 {
			t.Errorf("%s: the latent found explains %d of 80 pairs", head, right)
		}
	}
}

// TestFitLatentEqualsNewton compares with Newton's method in float64 where the score is linear in the latent.
func TestFitLatentEqualsNewton(t *testing.T) {
	const pairs, prior = 60, 1.5
	g := load(t, "testdata/heads/user-dot.onnx")
	chosen, rejected := preferences(t, g, []float32{0.5, -1, 1, 0.25}, pairs)
	features := make([][4]float64, pairs) // of chosen less those of rejected
	for axis := range 4 {
		for sign, hidden := range map[float64]Tensor{1: chosen, -1: rejected} {
			latent := make([]float32, 4*pairs)
			for i := range pairs {
				latent[4*i+axis] = 1
			}
			out, err := g.Run(map[string]Tensor{"hidden": hidden, "latent": {[]int{pairs, 4}, latent}})
			must(t, err)
			for i, v := range out["score"].Data {
				features[i][axis] += sign * float64(v)
			}
		}
	}
	want := newton(features, prior)
	got, err := g.FitLatent(t.Context(), Fit{
		Latent: "latent", Output: "score", Chosen: map[string]Tensor{"hidden": chosen}, Rejected: map[string]Tensor{"hidden": rejected}, Prior: prior, Steps: 3000,
	})
	must(t, err)
	for i, w := range want {
		if math.Abs(float64(got.Latent.Data[i])-w) > 1e-4 {
			t.Errorf("latent %v, and Newton finds %v", got.Latent.Data, want)
			break
		}
	}
	if math.Abs(got.Before-pairs*math.Ln2) > 1e-5 {
		t.Errorf("loss of the zero latent is %g, and %g is wanted", got.Before, pairs*math.Ln2)
	}
}

// newton minimises Σ log(1 + e^−f·z) + ‖z‖² / (2 · prior²).
func newton(features [][4]float64, prior float64) (z [4]float64) {
	for range 50 {
		var system [4][5]float64 // Hessian and gradient
		for i := range z {
			system[i][i] = 1 / (prior * prior)
			system[i][4] = z[i] / (prior * prior)
		}
		for _, f := range features {
			s := 0.0
			for i, v := range f {
				s += v * z[i]
			}
			p := sigmoid(-s)
			for i, v := range f {
				system[i][4] -= p * v
				for j, u := range f {
					system[i][j] += p * (1 - p) * v * u
				}
			}
		}
		for i := range 4 { // Gauss and Jordan; the Hessian is positive definite
			for j := range 4 {
				if j == i {
					continue
				}
				factor := system[j][i] / system[i][i]
				for k := i; k < 5; k++ {
					system[j][k] -= factor * system[i][k]
				}
			}
		}
		for i := range z {
			z[i] -= system[i][4] / system[i][i]
		}
	}
	return z
}

func TestFitLatentRefuses(t *testing.T) {
	g := load(t, "testdata/heads/user-concat.onnx")
	good := func() Fit {
		in := example(g, 4, 1)
		return Fit{
			Latent: "latent", Output: "score", Chosen: map[string]Tensor{"hidden": in["hidden"]},
			Rejected: map[string]Tensor{"hidden": example(g, 4, 2)["hidden"]}, Prior: 1, Steps: 10,
		}
	}
	if _, err := g.FitLatent(t.Context(), good()); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		change func(f *Fit)
		want   string
	}{
		{func(f *Fit) { f.Latent = "user" }, `input "user"`},
		{func(f *Fit) { f.Output = "reward" }, `output "reward"`},
		{func(f *Fit) { f.Label = 1 }, "label 1"},
		{func(f *Fit) { f.Prior = 0 }, "prior is 0"},
		{func(f *Fit) { f.Prior = math.NaN() }, "prior is NaN"},
		{func(f *Fit) { f.Steps = 0 }, "steps is 0"},
		{func(f *Fit) { f.Chosen = nil }, "chosen: 0 rows"},
		{func(f *Fit) { f.Rejected = map[string]Tensor{"hidden": example(g, 3, 1)["hidden"]} }, "4 rows of chosen and 3 of rejected"},
		{func(f *Fit) { f.Chosen = map[string]Tensor{"latent": f.Chosen["hidden"]} }, `"latent" does not belong there`},
		{func(f *Fit) { f.Shared = map[string]Tensor{"hidden": f.Chosen["hidden"]} }, `shared input "hidden"`},
		{func(f *Fit) { f.Chosen["hidden"].Data[3] = float32(math.Inf(1)) }, `chosen: input "hidden": number 3, at [0 3], is +Inf`},
		{func(f *Fit) { fill(f.Rejected["hidden"].Data, 3e38) }, "diverges"},
		{func(f *Fit) { f.Chosen["hidden"] = Tensor{[]int{3000, 16}, make([]float32, 48000)} }, "2048"},
	} {
		fit := good()
		one.change(&fit)
		if _, err := g.FitLatent(t.Context(), fit); err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("error %v does not name %s", err, one.want)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.FitLatent(gone, good()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the context ended", err)
	}
}

// TestFitsThatAreTooLargeAreRefusedUnbuilt: a wide head takes fewer pairs.
func TestFitsThatAreTooLargeAreRefusedUnbuilt(t *testing.T) {
	fit := Fit{Latent: "latent", Output: "score"}
	g := load(t, "testdata/heads/user-dot.onnx")
	for pairs, want := range map[int]string{1: "", 2048: "", 0: "1 to 2048 are supported", 2049: "1 to 2048 are supported"} {
		if err := g.TakesPairs(fit, pairs); (err == nil) != (want == "") || (err != nil && err.Error() != want) {
			t.Errorf("%d pairs: %v, not %q", pairs, err, want)
		}
	}
	if err := g.TakesPairs(Fit{Latent: "user", Output: "score"}, 1); err == nil || !strings.Contains(err.Error(), `input "user"`) {
		t.Errorf("another input: %v", err)
	}
	wide, err := Load(newDraft(Value{"hidden", []int{-1, 20000}}, Value{"latent", []int{20000}}).node("score = MatMul hidden latent").file("score"))
	must(t, err)
	for pairs, want := range map[int]string{500: "", 2048: "input hidden: the graph computes more than 67108864 numbers for 4096 rows"} {
		if err := wide.TakesPairs(fit, pairs); (err == nil) != (want == "") || (err != nil && err.Error() != want) {
			t.Errorf("%d pairs of width 20000: %v, not %q", pairs, err, want)
		}
	}
}
