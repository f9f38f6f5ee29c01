// The kernels of a tier, which names itself before it includes this.
#include "attention.h"
#include "linear.h"
#include "rotate.h"

LINEAR(f32, ASSAY_F32)
LINEAR(f16, ASSAY_F16)
LINEAR(bf16, ASSAY_BF16)
LINEAR(i8, ASSAY_I8)

// fast: a product of float32 has an instruction. Those of bfloat16 and int8 have none here.
INLINE void fill(AssayKernels *into, const char *name, int fast) {
	*into = (AssayKernels){
		.add_rms_norm = add_rms_norm, .add_layer_norm = add_layer_norm, .swiglu = swiglu, .geglu = geglu, .gelu = gelu,
		.quantize_rows = quantize_rows, .rotate = rotate, .attention = attention, .name = name,
	};
	USE_LINEAR(into, f32, ASSAY_F32, name, fast);
	USE_LINEAR(into, f16, ASSAY_F16, name, fast);
	USE_LINEAR(into, bf16, ASSAY_BF16, name, 0);
	USE_LINEAR(into, i8, ASSAY_I8, name, 0);
}
