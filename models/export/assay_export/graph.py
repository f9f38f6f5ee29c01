"""From a body and a head in PyTorch to a `model.onnx` on disk."""

import contextlib
import io
import logging
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

from . import packed, padded
from .attention import IMPLEMENTATION
from .reference import float32_copy
from .rope import rotary_table

OPSET = 18
INLINE_LIMIT = 1_500_000_000
"""Bytes of weights above which they go to a file of their own; one protobuf message holds at most 2 GiB."""


def traceable(body: nn.Module, max_tokens: int) -> nn.Module:
    """Return a float32 copy of a transformers body that calls this package's attention and looks its rotations up."""
    clone = float32_copy(body)
    clone.set_attn_implementation(IMPLEMENTATION)
    clone.rotary_emb = rotary_table(clone.rotary_emb, max(2, max_tokens))
    return clone


def trace_packed(body: nn.Module, head: nn.Module, windows: set[int | None], layers: int, kv_heads: int, head_dim: int,
                 vocab_size: int) -> onnx.ModelProto:
    """Trace a traceable body and a head [N, hidden] -> [N, labels] into the packed graph."""
    return trace(packed.PackedGraph(body, head, windows), packed.example(layers, kv_heads, head_dim, vocab_size),
                 packed.dimensions(layers), packed.input_names(layers), packed.output_names(layers))


def trace_padded(body: nn.Module, head: nn.Module, windows: set[int | None], pooled: bool,
                 vocab_size: int) -> onnx.ModelProto:
    """Trace a traceable body and a head into the padded graph."""
    return trace(padded.PaddedGraph(body, head, windows, pooled), padded.example(vocab_size), padded.dimensions(),
                 padded.INPUT_NAMES, padded.OUTPUT_NAMES)


def trace(module: nn.Module, example: tuple, dimensions: tuple, inputs: list[str], outputs: list[str]) -> onnx.ModelProto:
    """Run torch's exporter quietly and return the model without the traces of where it was made."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(module.eval(), example, input_names=inputs, output_names=outputs,
                                    dynamic_shapes=dimensions, dynamo=True, opset_version=OPSET, verbose=False)
    return plain(program.model_proto)


def plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop notes that say nothing about the computation: source lines, file paths, intermediate shapes."""
    model.producer_name, model.producer_version, model.doc_string = "assay-export", "", ""
    del model.metadata_props[:]
    graph = model.graph
    graph.name, graph.doc_string = "main", ""
    del graph.metadata_props[:]
    del graph.value_info[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    return model


def save(model: onnx.ModelProto, path: Path, external: bool) -> None:
    """Write the graph; its large weights go beside it, in `<name>_data`, when asked for or when too large to be inside."""
    data = path.with_name(path.name + "_data")
    data.unlink(missing_ok=True)
    size = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    if external or size > INLINE_LIMIT:
        onnx.save(model, path, save_as_external_data=True, all_tensors_to_one_file=True, location=data.name,
                  size_threshold=1024, convert_attribute=False)
        data.chmod(path.stat().st_mode)
        return
    onnx.save(model, path)
