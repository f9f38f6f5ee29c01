package processor_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/processor/processortest"
)

// mutants are bugs: each replaces the one place where a file says `from`, in one of the units that include it. The
// other units are as they are.
var mutants = []struct{ unit, file, name, from, to string }{
	{"avx512", "rows.h", "what is behind a row's end is far from the mean", "if (n == LANES) return x;", "return x;"},
	{"avx512", "rows.h", "gate and up are one", "at(type, gate, a->width)", "gate"},
	{"avx512", "rows.h", "a row that is not finite has a scale", " + v_sum(nothing);", ";"},
	{"avx512", "numbers.h", "a row's last numbers are whole vectors", "if (n >= LANES) {\n\t\tstore(type, p, x);", "if (n >= 1) {\n\t\tstore(type, p, x);"},
	{"avx512", "numbers.h", "GELU is near zero only", "v_less(z, v_set(1), v_add(v_set(1), near), far)", "v_add(v_set(1), near)"},
	{"avx2", "vector.h", "ties of bfloat16 go up", "near = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)))", "near = _mm256_add_epi32(bits, _mm256_set1_epi32(0x8000))"},
	{"plain", "vector.h", "no subnormal float16", "(uint16_t)rintf(from_bits(size) * 0x1p24f)", "0"},
	{"plain", "links.h", "sums a little below the smallest normal number stay", "if (fabsf(of) != 0x1p-126f || ", "if (1 || "},
	{"avx512", "links.h", "subnormal numbers count", "before | 0x8040", "before"},
	{"avx512_vnni", "words.h", "rows of int8 are not moved", "*into = bits ^ 0x80808080;", "*into = bits;"},
	{"avx512_vnni", "linear.h", "the scale of a row is its block's", "v_set(a->row_scale[row + r])", "v_set(a->row_scale[row])"},
	{"avx512_bf16", "linear.h", "the last word of a row is whole", "word < whole ? 4 : (inputs - whole * per) * size", "4"},
	{"avx512_bf16", "linear.h", "the last panel is left out", "const int64_t last_panel = panels * (of_panels + 1)", "const int64_t last_panel = (panels - 1) * (of_panels + 1)"},
	{"avx512_bf16", "sums512.h", "the second row is the first", "ROW_1(o) ROW(o, 4, 6, 7)", "ROW_1(o) ROW(o, 0, 6, 7)"},
	{"avx512_bf16", "sums512.h", "a sum is not cleared", "#define ZERO_14 ZERO_13 ZERO(30) ZERO(31)", "#define ZERO_14 ZERO_13 ZERO(30)"},
	{"avx512_bf16", "transpose.h", "words of two rows are exchanged", "y[i + 4] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0xdd)", "y[i + 4] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0x88)"},
	{"weights", "weights.c", "the weights' sums are not 128 times them", "128u * (uint32_t)sum_of", "127u * (uint32_t)sum_of"},
	{"avx512", "rotate.h", "keys are not normed", "a->key_norm, cosines", "NULL, cosines"},
	{"avx512", "attention.h", "a query sees what follows", "if (a->causal && high > position + 1) high = position + 1;", ""},
	{"avx512", "attention.h", "a window is one key wider", "position - a->window + 1", "position - a->window"},
	{"avx512", "attention.h", "each row sees what its neighbours see", "begin = low[r] > begin ? low[r] : begin;", "begin = 0;"},
	{"avx512_bf16", "attention.h", "every block has the first one's values", "read_values(type, t, from, keys);", "read_values(type, t, t->from, keys);"},
	{"avx512_bf16", "attention.h", "a row sees both keys of its last word", "high / per + 1, FIRST)", "high / per + 1, BOTH)"},
	{"avx512_bf16", "attention.h", "a row's first word is left out", "if (low % per) mix_wide", "if (0) mix_wide"},
	{"avx512_bf16", "attention.h", "a key that is not there has a weight", "if (key + 1 < keys) second =", "second ="},
	{"avx2", "attention.h", "weights are added as they were before they were rounded", "first = v_near_bf16(first);", "V near = v_near_bf16(first);"},
}

// Every planted bug is caught by a law, in a copy of the sources that is otherwise unchanged.
func TestMutants(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Fatal("cgo needs gcc, and so do the mutants: ", err)
	}
	tiers := map[string]string{"plain": "", "avx2": "AVX2", "avx512": "AVX-512", "avx512_bf16": "BF16", "avx512_vnni": "VNNI", "tiers": "", "weights": "VNNI", "weights_avx512": ""}
	has := fmt.Sprint(processortest.Machines())
	folder := t.TempDir()
	for unit := range tiers {
		compile(t, folder, unit, "", "", "")
	}
	if err := laws(link(t, folder, "", "")); err != nil {
		t.Fatalf("the unchanged copy: %v", err)
	}
	for _, mutant := range mutants {
		t.Run(mutant.file+"/"+mutant.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(has, tiers[mutant.unit]) {
				t.Skipf("this processor has no %s, and cannot tell", tiers[mutant.unit])
			}
			err := laws(link(t, folder, mutant.unit, compile(t, t.TempDir(), mutant.unit, mutant.file, mutant.from, mutant.to)))
			if err == nil {
				t.Error("not caught")
			}
			t.Log(err)
		})
	}
}

// compile makes a unit's object in a folder, with one of the files changed.
func compile(t *testing.T, folder, unit, changed, from, to string) string {
	t.Helper()
	if changed != "" {
		files, err := filepath.Glob("*.[ch]")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source := string(text)
			if file == changed {
				if n := strings.Count(source, from); n != 1 {
					t.Fatalf("%s says %q %d times, and a mutant needs a place of its own", file, from, n)
				}
				source = strings.Replace(source, from, to, 1)
			}
			if err := os.WriteFile(filepath.Join(folder, file), []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	source, object := unit+".c", filepath.Join(folder, unit+".o")
	if changed != "" {
		source = filepath.Join(folder, source)
	}
	gcc(t, "-O0", "-std=c11", "-fno-strict-aliasing", "-w", "-fPIC", "-c", source, "-o", object)
	return object
}

// link gives the machines of the objects of a folder, of which one is replaced.
func link(t *testing.T, folder, unit, by string) []*processortest.Machine {
	t.Helper()
	objects, err := filepath.Glob(filepath.Join(folder, "*.o"))
	if err != nil {
		t.Fatal(err)
	}
	for i, object := range objects {
		if filepath.Base(object) == unit+".o" {
			objects[i] = by
		}
	}
	library := filepath.Join(t.TempDir(), "kernels.so")
	gcc(t, append([]string{"-shared", "-o", library}, append(objects, "-lm")...)...)
	machines, err := processortest.Load(library)
	if err != nil {
		t.Fatal(err)
	}
	return machines
}

func gcc(t *testing.T, arguments ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "gcc", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("gcc %v: %v\n%s", arguments, err, out)
	}
}

// laws is the first law that does not hold: every operator, of every type, has the same bits in every tier; products of
// bfloat16 around the smallest normal number too; and rows that are not finite.
func laws(machines []*processortest.Machine) (err error) {
	defer func() { // a call that wrote outside its memory
		if wrong := recover(); wrong != nil {
			err = fmt.Errorf("%v", wrong)
		}
	}()
	r := rand.New(rand.NewPCG(1, 8))
	for turn := range 12 {
		typed := types[turn%3]
		for _, of := range []func(*rand.Rand, kernels.Type, int) operation{norms, activations, quantize, linear, linear8, rotate} {
			o := of(r, typed, 1+r.IntN(70))
			rows := make([][]float32, 1+r.IntN(40))
			for i := range rows {
				rows[i] = random(r, o.width)
				if r.IntN(8) == 0 {
					rows[i][r.IntN(o.width)] = notFinite(r)
				}
			}
			if err := agree(o, rows, machines); err != nil {
				return err
			}
		}
		o := linearOf(kernels.BFloat16, 2, 40, edges(r, 80), make([]float32, 40))
		just := linearOf(kernels.BFloat16, 2, 1, []float32{-0x1p-75, 0x1p-63}, []float32{0})
		if err := errors.Join(agree(o, [][]float32{edges(r, 2), edges(r, 2)}, machines), agree(just, [][]float32{{0x1p-75, 0x1p-63}}, machines)); err != nil {
			return err
		}
		s := randomScene(r, typed)
		for range 60 {
			s.values[r.IntN(len(s.values))] = notFinite(r)
		}
		if err := attends(s, machines, r, func(m *processortest.Machine) *processortest.Machine { return m }); err != nil {
			return err
		}
	}
	return nil
}

// agree holds every tier to the first.
func agree(o operation, rows [][]float32, machines []*processortest.Machine) error {
	want := o.run(machines[0], rows)
	for _, m := range machines[1:] {
		for i, row := range o.run(m, rows) {
			if err := same(row, want[i]); err != nil {
				return fmt.Errorf("%s of %v numbers, %v and %v, row %d: %w", o.name, o.typed, m, machines[0], i, err)
			}
		}
	}
	return nil
}
