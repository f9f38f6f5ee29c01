"""Makes the ONNX files that the tests of kernels/graphs compare with ONNX Runtime and PyTorch.

    .venv/bin/python kernels/graphs/testdata/make.py

remakes them byte for byte (seed 7). Made with Python 3.11, torch 2.15.0, onnx 1.23.2, onnxscript 0.7.2, numpy 2.
operators/OP.OPSET.onnx has nodes of one operator; heads/NAME.onnx is a head exported by torch.onnx.export,
heads/NAME.script.onnx the same head by the older exporter (dynamo=False), heads/NAME.half.onnx with weights stored as
float16; heads/NAME.json has PyTorch's outputs and gradients in float64; refused/NAME.onnx is a file that Load refuses,
valid or not. kernels/onnx/testdata/kinds.onnx and signature.onnx are for the reader, and facts.json is what the onnx
package reads in these and other files.
"""

import shutil
from pathlib import Path

import fixtures_heads
import fixtures_kinds
import fixtures_operators
import fixtures_refused
import fixtures_signature

HERE = Path(__file__).parent

if __name__ == "__main__":
    for name, make in (("operators", fixtures_operators.make), ("heads", fixtures_heads.make), ("refused", fixtures_refused.make)):
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        make(folder)
        print(name, len(list(folder.iterdir())), "files")
    reader = HERE.parent.parent / "onnx" / "testdata"
    reader.mkdir(exist_ok=True)
    fixtures_kinds.make(reader / "kinds.onnx")
    fixtures_signature.make(reader)
