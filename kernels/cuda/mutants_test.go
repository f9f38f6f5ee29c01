package cuda

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/kerneltest"
)

// mutants are bugs: each replaces the one place where the file of a kernel, or the header sums.cuh, says `from`.
var mutants = []struct{ file, name, from, to string }{
	{"blocks", "16 bytes where they are not aligned", "words % 4 == 0", "words > 3"},
	{"blocks", "the last words are left out", "i < words; i += threads", "i + 1 < words; i += threads"},
	{"blocks", "one word too many", "i < words; i += threads", "i <= words; i += threads"},
	{"blocks", "the last 16 bytes are left out", "i < words; i += 4 * threads", "i + 4 < words; i += 4 * threads"},
	{"blocks", "16 bytes too many", "i < words; i += 4 * threads", "i <= words; i += 4 * threads"},
	{"blocks", "every second 16 bytes", "i += 4 * threads", "i += 8 * threads"},
	{"blocks", "numbers and not bits", "to[i] = from[i]", "to[i] = __float_as_uint(__uint_as_float(from[i]) + 0)"},
	{"blocks", "parts and blocks are exchanged", "part = row / blocks, slot = slots[row % blocks]", "part = row % parts, slot = slots[row / parts]"},
	{"blocks", "the part is not used", "(slot * parts + part) * size", "slot * parts * size"},
	{"blocks", "the first slot only", "slots[row % blocks]", "slots[0]"},
	{"blocks", "a block is kept where its number says", "(slots[block] * parts + part) * TOKENS", "(block * parts + part) * TOKENS"},
	{"blocks", "a part is kept in its neighbour", "(slots[block] * parts + part) * TOKENS", "(slots[block] * parts + parts - 1 - part) * TOKENS"},
	{"blocks", "the last token is left out", "t < TOKENS", "t + 1 < TOKENS"},
	{"blocks", "tokens one place too far", "to + t * width", "to + (t + 1) * width"},
	{"blocks", "the first block's tokens", "tokens[block * TOKENS + t]", "tokens[t]"},
	{"blocks", "the first token only", "tokens[block * TOKENS + t]", "tokens[block * TOKENS]"},
	{"blocks", "the first part's tokens", "(part * rows + token)", "token"},
	{"head", "no barrier before the warps' sums are read", "  __syncthreads();\n", ""},
	{"head", "a barrier that half of the threads reach", "  __syncthreads();\n", "  if (threadIdx.x < THREADS / 2) __syncthreads();\n"},
	{"head", "the last hidden state is left out", "k < width; k += THREADS", "k + 1 < width; k += THREADS"},
	{"head", "one hidden state too many", "k < width; k += THREADS", "k <= width; k += THREADS"},
	{"head", "a row's index is not used", "index ? index[row] : (i64)row", "(i64)row"},
	{"head", "an index behind the last row is read", "at >= 0 && (u64)at < source ?", "at >= 0 ?"},
	{"head", "a row's neighbour is read", "at * width", "(at ^ 1) * width"},
	{"head", "rows and units are exchanged", "partial[u * ROWS + r]", "partial[r * UNITS + u]"},
	{"head", "the last warp's sum is left out", "w < WARPS; w++", "w + 1 < WARPS; w++"},
	{"head", "a shuffle is left out", "unsigned step = 16; step > 0; step /= 2) sum[u]", "unsigned step = 8; step > 0; step /= 2) sum[u]"},
	{"head", "a shuffle that half of the lanes reach", "sum[u][r] += __shfl", "if (threadIdx.x % 32 < 16) sum[u][r] += __shfl"},
	{"head", "the bias of the first unit only", "bias[unit]", "bias[0]"},
	{"head", "units behind the last are written", "row >= rows || unit >= units", "row >= rows"},
	{"head", "relu hides NaN", "x < 0 ? 0 : x", "x > 0 ? x : 0"},
	{"head", "softmax without its maximum", "expf(x[i] - top) / sum", "expf(x[i]) / sum"},
	{"sums", "no barrier before the warps' sums are read", "  __syncthreads();\n", ""},
	{"sums", "a barrier that half of the threads reach", "  __syncthreads();\n", "  if (threadIdx.x < threads / 2) __syncthreads();\n"},
	{"sums", "the last warp's sum is left out", "warp < threads / 32", "warp + 1 < threads / 32"},
	{"sums", "the first warp's sum only", "total += partial[warp]", "total += partial[0]"},
	{"sums", "a shuffle is left out", "unsigned step = 16", "unsigned step = 8"},
	{"sums", "the first lane's number only", "x += __shfl", "__shfl"},
	{"add_rms_norm", "the last eight are left out of the sum", "i < width; i += 8 * THREADS) {\n    float sum[8], added", "i + 8 < width; i += 8 * THREADS) {\n    float sum[8], added"},
	{"add_rms_norm", "the last eight are not normed", "i < width; i += 8 * THREADS) {  //", "i + 8 < width; i += 8 * THREADS) {  //"},
	{"add_rms_norm", "eight too many", "i < width; i += 8 * THREADS) {  //", "i <= width; i += 8 * THREADS) {  //"},
	{"add_rms_norm", "the residual is not added", "sum[k] += added[k]", "sum[k] += 0 * added[k]"},
	{"add_rms_norm", "the squares of what is added", "fmaf(sum[k], sum[k], squares)", "fmaf(added[k], added[k], squares)"},
	{"add_rms_norm", "the sum and not the mean", "partial) / width", "partial)"},
	{"add_rms_norm", "epsilon outside the root", "partial) / width + epsilon)", "partial) / width) + epsilon"},
	{"add_rms_norm", "no epsilon", " / width + epsilon", " / width"},
	{"add_rms_norm", "no weight", "sum[k] * unit * scale[k]", "sum[k] * unit"},
	{"add_rms_norm", "the first token's residual", "load8(residual + row + i", "load8(residual + i"},
	{"add_layer_norm", "the last eight are left out of the mean", "i < width; i += 8 * THREADS) {\n    float sum[8], added", "i + 8 < width; i += 8 * THREADS) {\n    float sum[8], added"},
	{"add_layer_norm", "the last eight are left out of the variance", "i < width; i += 8 * THREADS) {  //", "i + 8 < width; i += 8 * THREADS) {  //"},
	{"add_layer_norm", "eight too many in the variance", "i < width; i += 8 * THREADS) {  //", "i <= width; i += 8 * THREADS) {  //"},
	{"add_layer_norm", "the last eight are not normed", "i < width; i += 8 * THREADS) {\n    float sum[8], scale", "i + 8 < width; i += 8 * THREADS) {\n    float sum[8], scale"},
	{"add_layer_norm", "eight too many are normed", "i < width; i += 8 * THREADS) {\n    float sum[8], scale", "i <= width; i += 8 * THREADS) {\n    float sum[8], scale"},
	{"add_layer_norm", "the residual is not added", "sum[k] += added[k]", "sum[k] += 0 * added[k]"},
	{"add_layer_norm", "the first token's residual", "load8(residual + row + i", "load8(residual + i"},
	{"add_layer_norm", "the mean of what is added", "total += sum[k]", "total += added[k]"},
	{"add_layer_norm", "the sum and not the mean", "partial[0]) / width", "partial[0])"},
	{"add_layer_norm", "the mean is not taken off", "(sum[k] - mean) * unit", "sum[k] * unit"},
	{"add_layer_norm", "a root mean square", "fmaf(sum[k] - mean, sum[k] - mean, squares)", "fmaf(sum[k], sum[k], squares)"},
	{
		"add_layer_norm", "the variance by the mean of squares",
		"fmaf(sum[k] - mean, sum[k] - mean, squares);\n  }\n  const float unit = 1 / sqrtf(sum_of_block<THREADS>(squares, partial[1]) / width +",
		"fmaf(sum[k], sum[k], squares);\n  }\n  const float unit = 1 / sqrtf(sum_of_block<THREADS>(squares, partial[1]) / width - mean * mean +",
	},
	{"add_layer_norm", "the variance of a sample", "partial[1]) / width", "partial[1]) / (width - 1)"},
	{"add_layer_norm", "epsilon outside the root", "partial[1]) / width + epsilon)", "partial[1]) / width) + epsilon"},
	{"add_layer_norm", "no epsilon", " / width + epsilon", " / width"},
	{"add_layer_norm", "no weight", "unit * scale[k] + shift[k]", "unit + shift[k]"},
	{"add_layer_norm", "no bias", "unit * scale[k] + shift[k]", "unit * scale[k]"},
	{"add_layer_norm", "the bias has a weight", "(sum[k] - mean) * unit * scale[k] + shift[k]", "((sum[k] - mean) * unit + shift[k]) * scale[k]"},
	{"add_layer_norm", "the first columns' bias for all", "load8(bias + i", "load8(bias + i % 8"},
	{"add_layer_norm", "the sum flows on", "if (behind)", "if (false)"},
	{"add_layer_norm", "the norm flows on", "if (behind)", "if (true)"},
	{"add_layer_norm", "what flows on is rounded", "if (behind) store8", "load8(normed + row + i, sum);\n    if (behind) store8"},
	{"swiglu", "gate and up are exchanged", "Activation::of(gate[k]) * up[k]", "Activation::of(up[k]) * gate[k]"},
	{"swiglu", "the last eight are left out", "if (i >= width) return", "if (i + 8 >= width) return"},
	{"swiglu", "eight too many", "if (i >= width) return", "if (i > width) return"},
	{"swiglu", "up is its neighbour", "2 * width + width + i", "2 * width + width + (i ^ 8) % width"},
	{"swiglu", "one width a token", "gate_up + token * 2 * width + i", "gate_up + token * width + i"},
	{"swiglu", "the last number is left out", "k < 8; k++", "k < 7; k++"},
	{"swiglu", "sigmoid and not SiLU", "return x / (1 + expf(-x))", "return 1 / (1 + expf(-x))"},
	{"swiglu", "GELU by its approximation", "return gelu_of(x)", "return 0.5f * x * (1 + tanhf(0.79788456f * (x + 0.044715f * x * x * x)))"},
	{"gelu", "the last eight are left out", "if (i >= width) return", "if (i + 8 >= width) return"},
	{"gelu", "eight too many", "if (i >= width) return", "if (i > width) return"},
	{"gelu", "the first token's numbers", "x + token * width + i", "x + i"},
	{"gelu", "a block's neighbour", "blockIdx.y * THREADS", "(blockIdx.y ^ 1) * THREADS"},
	{"gelu", "the last number is left out", "k < 8; k++", "k < 7; k++"},
	{"gelu", "GELU by a sigmoid", "gelu_of(numbers[k])", "numbers[k] * sigmoid(1.702f * numbers[k])"},
	{"gelu", "GELU by tanh", "numbers[k] = gelu_of(numbers[k]);", "{\n    const float x = numbers[k];\n    numbers[k] = 0.5f * x * (1 + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));\n  }"},
	{"linear8", "no barrier before the warps' largest are read", "  __syncthreads();\n", ""},
	{"linear8", "the last eight may not be the largest", "i < width; i += 8 * THREADS", "i + 8 < width; i += 8 * THREADS"},
	{"linear8", "eight too many are looked at", "i < width; i += 8 * THREADS", "i <= width; i += 8 * THREADS"},
	{"linear8", "the largest and not the largest size", "larger(fabsf(numbers[k]), top)", "larger(numbers[k], top)"},
	{"linear8", "a row's NaN is not seen", "larger(fabsf(numbers[k]), top)", "fmaxf(fabsf(numbers[k]), top)"},
	{"linear8", "another lane's NaN is not seen", "top = larger(top, __shfl", "top = fmaxf(top, __shfl"},
	{"linear8", "another warp's NaN is not seen", "top = larger(top, partial[w])", "top = fmaxf(top, partial[w])"},
	{"linear8", "a shuffle is left out of a row", "unsigned step = 16", "unsigned step = 8"},
	{"linear8", "the last warp's largest is left out", "w < WARPS; w++", "w + 1 < WARPS; w++"},
	{"linear8", "128 levels", "STEPS 127.0f", "STEPS 128.0f"},
	{"linear8", "no least scale", "larger(__fdiv_rn(top, STEPS), SMALLEST)", "__fdiv_rn(top, STEPS)"},
	{"linear8", "a larger least scale", "SMALLEST 1e-30f", "SMALLEST 1e-29f"},
	{"linear8", "a row with an infinity has a scale", "top < INFINITY ?", "top == top ?"},
	{"linear8", "the first row's scale only", "scales[blockIdx.x] = scale", "scales[0] = scale"},
	{"linear8", "the scale by a reciprocal", "__fdiv_rn(top, STEPS)", "top * (1 / STEPS)"},
	{"linear8", "levels by a reciprocal", "__fdiv_rn(x, scale)", "(x * (1 / scale))"},
	{"linear8", "half-way goes away from zero", "__float2int_rn(__fdiv_rn(x, scale))", "(int)roundf(__fdiv_rn(x, scale))"},
	{"linear8", "levels are cut and not rounded", "__float2int_rn(__fdiv_rn(x, scale))", "(int)__fdiv_rn(x, scale)"},
	{"linear8", "a level's sign is in its neighbours", " & 0xff", ""},
	{"linear8", "neighbours are exchanged", "level(x[0], scale) | level(x[1], scale) << 8", "level(x[1], scale) | level(x[0], scale) << 8"},
	{"linear8", "the last sixteen are not rounded", "i < width; i += 16 * THREADS", "i + 16 < width; i += 16 * THREADS"},
	{"linear8", "sixteen too many are rounded", "i < width; i += 16 * THREADS", "i <= width; i += 16 * THREADS"},
	{"linear8", "the first eight twice", "load8(x + row + i + 8, second)", "load8(x + row + i, second)"},
	{"linear8", "the first row's numbers are rounded", "load8(x + row + i, first)", "load8(x + i, first)"},
	{"linear8", "the last eight sums are left out", "if (i >= width) return", "if (i + 8 >= width) return"},
	{"linear8", "eight sums too many", "if (i >= width) return", "if (i > width) return"},
	{"linear8", "the first row's scale for all", "row_scales[row]", "row_scales[0]"},
	{"linear8", "the first columns' scales for all", "load8(scales + i", "load8(scales + i % 8"},
	{"linear8", "the first columns' bias for all", "load8(bias + i", "load8(bias + i % 8"},
	{"linear8", "sums have no sign", "(float)sum[k]", "(float)(unsigned)sum[k]"},
	{"linear8", "the row's scale comes first", "__fmul_rn(__fmul_rn((float)sum[k], scale[k]), row_scale)", "__fmul_rn(__fmul_rn((float)sum[k], row_scale), scale[k])"},
	{"linear8", "the scales are multiplied first", "__fmul_rn(__fmul_rn((float)sum[k], scale[k]), row_scale)", "__fmul_rn((float)sum[k], scale[k] * row_scale)"},
	{"linear8", "a fused multiply-add", "__fadd_rn(__fmul_rn(__fmul_rn((float)sum[k], scale[k]), row_scale), added[k])", "fmaf((float)sum[k] * scale[k], row_scale, added[k])"},
	{"linear8", "no bias", "row_scale), added[k])", "row_scale), 0)"},
	{"linear8", "the second four sums are the first", "load16(sums + row * width + i + 4)", "load16(sums + row * width + i)"},
	{"linear8", "the last number is left out", "k < 8; k++) numbers[k] =", "k < 7; k++) numbers[k] ="},
	{"rotate", "turned the other way", "? -other[k] * s[k] : other[k] * s[k]", "? other[k] * s[k] : -other[k] * s[k]"},
	{"rotate", "both halves alike", "? -other[k] * s[k] : other[k] * s[k]", "? other[k] * s[k] : other[k] * s[k]"},
	{"rotate", "a neighbour's angle", "i < half ? i : i - half;", "i < half ? i : i - half + 8;"},
	{"rotate", "the token's place and not its position", "positions[token], i, sizes", "token, i, sizes"},
	{"rotate", "the whole head is turned", "if (i >= sizes.turned) return;", ""},
	{"rotate", "the pair is not normed", "i < half ? i + half : i - half, unit, other", "i < half ? i + half : i - half, 1, other"},
	{"rotate", "the query's norm for keys", "query ? query_norm : key_norm", "query_norm"},
	{"rotate", "the last eight are left out of the mean", "i < size; i += 8", "i + 8 < size; i += 8"},
	{"rotate", "no epsilon", "squares / size + epsilon", "squares / size"},
	{"rotate", "a position behind the last is read", "position >= 0 && (u64)position < sizes.places", "true"},
	{"rotate", "slot -1 is the first", "slot < 0 || (u64)slot >= sizes.slots", "(u64)(slot + 1) > sizes.slots"},
	{"rotate", "a slot behind the last is written", "slot < 0 || (u64)slot >= sizes.slots", "slot < 0 || (u64)slot > sizes.slots"},
	{"rotate", "a token goes where its number says", "slot * groups + (head - heads) % groups", "token * groups + (head - heads) % groups"},
	{"rotate", "without slots all go to the first", ": (i64)token", ": 0"},
	{"rotate", "without slots a token goes to its neighbour's", ": (i64)token", ": (i64)token ^ 1"},
	{"rotate", "without slots none goes anywhere", ": (i64)token", ": -1"},
	{"rotate", "the first key head only", "(head - heads) % groups", "0"},
	{"rotate", "values are turned", "if (value) {", "if (false) {"},
	{"rotate", "values go with the keys", "value ? value_pool : key_pool", "key_pool"},
	{"rotate", "the last head is left out", "if (head >= all) return", "if (head + 1 >= all) return"},
	{"rotate", "eight of a head behind the last", "if (head >= all) return", "if (head > all) return"},
	{"attention", "key_len is one too many", "i64 length = call.key_len[tile];", "i64 length = call.key_len[tile] + 1;"},
	{"attention", "key_len is one too few", "i64 length = call.key_len[tile];", "i64 length = call.key_len[tile] - 1;"},
	{"attention", "the first tile's key_len", "call.key_len[tile]", "call.key_len[0]"},
	{"attention", "a query does not see itself", "call.causal ? 1 : window", "call.causal ? 0 : window"},
	{"attention", "a query sees the next key", "call.causal ? 1 : window", "call.causal ? 2 : window"},
	{"attention", "every body is causal", "call.causal ? 1 : window", "1"},
	{"attention", "a window is one too long", "position - window + 1", "position - window"},
	{"attention", "a window is one too short", "position - window + 1", "position - window + 2"},
	{"attention", "a window is one too long behind the query", "call.causal ? 1 : window", "call.causal ? 1 : window + 1"},
	{"attention", "a place that repeats a token is computed", " || (u64)call.scatter_index[token] != tile * call.tile_queries + place", ""},
	{"attention", "the place and not the token's position", "call.positions[token]", "place"},
	{"attention", "the place is the slot", "call.key_slots[tile * call.tile_keys + place]", "place"},
	{"attention", "a neighbour's slot", "call.key_slots[tile * call.tile_keys + place]", "call.key_slots[tile * call.tile_keys + (place ^ 1)]"},
	{"attention", "the first tile's slots", "call.key_slots[tile * call.tile_keys + place]", "call.key_slots[place]"},
	{"attention", "the first key head only", "(u64)slot * call.groups + blockIdx.y", "(u64)slot * call.groups"},
	{"attention", "values are the keys", "call.value_pool, values, tile, start, behind);\n    if (seen)", "call.key_pool, values, tile, start, behind);\n    if (seen)"},
	{"attention", "what lies behind the keys is NaN", "place < behind ? 0x7fff7fff : 0", "0x7fff7fff"},
	{"attention", "half of a block is loaded", "c < KEYS * (SIZE / 8)", "c < KEYS / 2 * (SIZE / 8)"},
	{"attention", "queries' words are exchanged", "words[1] = rows.second ? *(const unsigned *)(rows.second + k) : 0", "words[1] = rows.first ? *(const unsigned *)(rows.first + k + 8) : 0"},
	{"attention", "the second half of a query's words is the first", "(rows.second + k + 8)", "(rows.second + k)"},
	{"attention", "keys' lanes are exchanged", "row = lane % 8 + lane / 16 * 8, column = lane / 8 % 2 * 8", "row = lane % 16, column = lane / 16 * 8"},
	{"attention", "values' lanes are exchanged", "row = lane % 16, column = lane / 16 * 8", "row = lane % 8 + lane / 16 * 8, column = lane / 8 % 2 * 8"},
	{"attention", "values are not transposed", "load_transposed(value", "load_matrices(value"},
	{"attention", "weights' words are exchanged", "__float_as_uint(weights[2 * k][2]),\n", "__float_as_uint(weights[2 * k + 1][0]),\n"},
	{"attention", "a pair's columns are one apart", "start + 2 * (threadIdx.x % 4)", "start + threadIdx.x % 4"},
	{"attention", "no maximum is taken off", "top[r] == HIDDEN ? 0 : top[r]", "0"},
	{"attention", "a row that sees nothing yet is NaN", "top[r] == HIDDEN ? 0 : top[r]", "top[r]"},
	{"attention", "the maximum of a lane", "top[r] = largest_of_row(top[r]);", ""},
	{"attention", "half of a row's lanes are summed", "  return x + __shfl_xor_sync(0xffffffffu, x, 2);", "  return x;"},
	{"attention", "the sum does not shrink", "softmax.sum[r] *= shrink[r];", ""},
	{"attention", "what was summed does not shrink", "sums[n][e] *= shrink[e / 2]", "sums[n][e] *= 1"},
	{"attention", "the other row's shrinking", "sums[n][e] *= shrink[e / 2]", "sums[n][e] *= shrink[1 - e / 2]"},
	{"attention", "no softcap", "cap - 2 * cap / (1 + exp2f(logit))", "logit / 2 * call.softcap"},
	{"attention", "e and not 2 to the power", "exp2f(dots[n][e] - base[e / 2])", "expf(dots[n][e] - base[e / 2])"},
	{"attention", "blocks of keys begin at the window", "first = first / KEYS * KEYS;", ""},
	{"attention", "the last key's block is left out", "start < behind; start += KEYS", "start + 1 < behind; start += KEYS"},
	{"attention", "a key head's queries lie apart", "blockIdx.y * group + at % group", "blockIdx.y + at % group * call.groups"},
	{"attention", "no barrier behind the rows", "tile, row_block);\n  __syncthreads();", "tile, row_block);"},
	{"attention", "no barrier before keys are read", "    copies_done();\n    __syncthreads();\n    if (!SHARED) load", "    copies_done();\n    if (!SHARED) load"},
	{"attention", "keys are read before they are there", "    copies_done();\n    __syncthreads();\n    if (!SHARED) load", "    __syncthreads();\n    if (!SHARED) load"},
	{"attention", "no barrier before values are read", "    copies_done();\n    __syncthreads();\n    const bool more", "    copies_done();\n    const bool more"},
	{"attention", "values over keys that are still read", "    if (SHARED) {\n      __syncthreads();\n", "    if (SHARED) {\n"},
	{"attention", "keys over values that are still read", "    if (SHARED && more) {\n      __syncthreads();\n", "    if (SHARED && more) {\n"},
}

// kernelsOf are the kernels that a file's functions are part of.
func kernelsOf(file string) []string {
	if file == "sums" {
		return []string{"add_layer_norm", "add_rms_norm"}
	}
	return []string{file}
}

// Every planted bug is caught by the checks of its kernel, of each where it is in a header, each alone in an otherwise
// unchanged copy of the sources. A barrier that is missing shows in each order of the threads that is tried.
func TestMutants(t *testing.T) {
	if _, err := exec.LookPath("g++"); err != nil {
		t.Fatal("the twin needs g++, and so do its mutants: ", err)
	}
	if err := check(t, build(t, "", "", ""), "", 1); err != nil {
		t.Fatalf("the unchanged copy: %v", err)
	}
	for _, mutant := range mutants {
		t.Run(mutant.file+"/"+mutant.name, func(t *testing.T) {
			t.Parallel()
			library := build(t, mutant.file, mutant.from, mutant.to)
			seeds := uint64(1)
			if strings.Contains(mutant.from, "__syncthreads") {
				seeds = 3
			}
			for seed := range seeds {
				for _, kernel := range kernelsOf(mutant.file) {
					err := check(t, library, kernel, seed)
					if err == nil {
						t.Errorf("%s, seed %d: not caught", kernel, seed)
					}
					t.Logf("%s, seed %d: %v", kernel, seed, err)
				}
			}
		})
	}
}

// check runs a library's kernels through the checks of one of them, or of all, up to the first that fails.
func check(t *testing.T, library, kernel string, seed uint64) error {
	t.Helper()
	twin, err := Load(library, seed)
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range slices.Concat(kerneltest.Checks(), kerneltest.HalfChecks()) {
		if kernel == "" || check.Kernel == kernel {
			if _, err := check.Run(kernels.On(twin), seed); err != nil {
				return fmt.Errorf("%s: %w", check.Name, err)
			}
		}
	}
	for _, check := range kerneltest.OperatorChecks() {
		if kernel == "" || check.Kernel == kernel {
			if _, err := check.Run(twin, seed); err != nil {
				return fmt.Errorf("%s: %w", check.Name, err)
			}
		}
	}
	return nil
}

// build compiles a copy of the sources, one of them changed, into a library.
func build(t *testing.T, changed, from, to string) string {
	t.Helper()
	folder := t.TempDir()
	files, err := Sources.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := Sources.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		source := string(text)
		if name := file.Name(); name == changed+".cu" || name == changed+".cuh" {
			if n := strings.Count(source, from); n != 1 {
				t.Fatalf("%s says %q %d times, and a mutant needs a place of its own", name, from, n)
			}
			source = strings.Replace(source, from, to, 1)
		}
		if err := os.WriteFile(filepath.Join(folder, file.Name()), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	library := filepath.Join(folder, "twin.so")
	compiler := exec.CommandContext(t.Context(), "g++", "-std=c++17", "-O0", "-fPIC", "-shared", "-fvisibility=hidden", "-o", library,
		filepath.Join(folder, "twin.cpp"))
	if out, err := compiler.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return library
}
