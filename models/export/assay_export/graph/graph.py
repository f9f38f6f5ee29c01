"""From a body and a head in PyTorch to a `model.onnx` on disk."""

import contextlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import torch
from torch import nn

from ..bodies import falcon
from ..bodies.attention import IMPLEMENTATION
from ..bodies.delta import restate
from ..bodies.experts import take_apart
from ..bodies.latent import made_plain
from ..bodies.rope import looked_up
from ..errors import unwrapped
from ..models.model import Model, Part
from ..models.reference import float32_copy
from ..read import weights
from ..store import storage
from . import encoder, encoder_packed, packed, padded

OPSET = 18
INLINE_LIMIT = 64_000_000
"""Bytes of weights above which they go to a file of their own, which all of a server's sessions of the graph map. What is inside the graph each
holds for itself, and one protobuf message holds at most 2 GiB."""


def traceable(body: nn.Module, max_tokens: int) -> nn.Module:
    """Return a float32 copy of a body that computes attention as this package does, and looks its rotations up."""
    clone = made_plain(restate(take_apart(float32_copy(body))))
    if clone.config.model_type == falcon.MODEL_TYPE:
        falcon.hand_over(clone)
    else:
        clone.set_attn_implementation(IMPLEMENTATION)
    if clone.config.model_type == "phimoe":  # whose layers all have the window of its config, and do not know it
        for layer in clone.layers:
            layer.self_attn.sliding_window = clone.config.sliding_window
    if hasattr(clone, "rotary_emb"):
        clone.rotary_emb = looked_up(clone.rotary_emb, max(2, max_tokens))
    return clone


def trace_packed(model: Model, max_tokens: int, precision: str = "float32", separate: bool = False) -> ir.Model:
    """Trace a model's packed graph; separate: what its head reads leaves it, and the head is in a graph of its own."""
    sizes, likelihood = model.sizes, model.likelihood
    if model.encoder is not None:
        return trace(encoder_packed.PackedEncoder(model, max_tokens, separate), encoder_packed.example(sizes, model.types),
                     encoder_packed.dimensions(model.types), encoder_packed.input_names(model.types), [output_name(separate)], precision)
    return trace(packed.PackedGraph(traceable_parts(model, max_tokens, separate), set(sizes.windows)), packed.example(sizes, likelihood),
                 packed.dimensions(sizes.layers, likelihood), packed.input_names(sizes.layers, likelihood),
                 packed.output_names(sizes.layers, output_name(separate)), precision)


def trace_padded(model: Model, max_tokens: int, pooled: bool, precision: str = "float32", separate: bool = False,
                 pad: int | None = None) -> ir.Model:
    """Trace a model's padded graph; separate: what its head would read leaves it."""
    if model.encoder is not None:
        module, types = encoder.EncoderGraph(model, max_tokens, separate), model.types
    else:
        module, types = padded.PaddedGraph(traceable_parts(model, max_tokens, separate), set(model.sizes.windows), pooled, pad), False
    return trace(module, padded.example(model.sizes.vocab_size, types), padded.dimensions(types), padded.input_names(types),
                 [output_name(separate)], precision)


def output_name(separate: bool) -> str:
    """Return the name of the output that leaves the graph at the places read."""
    return "hidden" if separate else "readings"


def traceable_parts(model: Model, max_tokens: int, separate: bool) -> tuple[Part, ...]:
    """Return the parts of a decoder ready to be traced; separate: with heads that change nothing."""
    return tuple(Part(traceable(part.body, max_tokens), nn.Identity() if separate else float32_copy(part.head)) for part in model.parts)


def trace(module: nn.Module, example: tuple, dimensions: tuple, inputs: list[str], outputs: list[str],
          precision: str = "float32", opset: int = OPSET) -> ir.Model:
    """Run torch's exporter quietly; return the graph with weights that are read when it is saved, stored in that
    precision."""
    for logger in ("torch.onnx", "onnxscript"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(module.eval(), example, input_names=inputs, output_names=outputs, dynamic_shapes=dimensions,
                                    dynamo=True, opset_version=opset, verbose=False, optimize=False)
        parameters = dict(module.named_parameters())
        bind(program.model.graph, parameters)
        program.optimize()
    if precision != "float32":
        storage.store(program.model.graph, parameters, precision)
    return program.model


def bind(graph: ir.Graph, parameters: dict[str, nn.Parameter]) -> None:
    """Make the graph's initializers read their parameters when saved; a transposed parameter is stored transposed, as
    NAME.T."""
    for node in list(graph):
        source = node.inputs[0] if node.op_type == "Transpose" else None
        if source is not None and source.name in parameters and len(source.shape) == 2:
            turned = lazy(source.name + ".T", parameters[source.name], transposed=True)
            if turned.name in graph.initializers:
                turned = graph.initializers[turned.name]
            else:
                graph.register_initializer(turned)
            node.outputs[0].replace_all_uses_with(turned)
            graph.remove(node, safe=True)
    for name, value in list(graph.initializers.items()):
        if not value.uses():
            del graph.initializers[name]
        elif name in parameters:
            value.const_value = lazy(name, parameters[name], transposed=False).const_value


def lazy(name: str, parameter: nn.Parameter, transposed: bool) -> ir.Value:
    """Return an initializer whose numbers are read from the parameter each time they are asked for."""
    shape = ir.Shape(reversed(parameter.shape) if transposed else parameter.shape)

    def read() -> ir.Tensor:
        values = weights.load(parameter).numpy()
        return ir.tensor(np.ascontiguousarray(values.T if transposed else values), name=name)

    tensor = ir.LazyTensor(read, dtype=ir.DataType.FLOAT, shape=shape, name=name)
    return ir.Value(name=name, shape=shape, type=ir.TensorType(ir.DataType.FLOAT), const_value=tensor)


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


def save(model: ir.Model, path: Path, external: bool) -> None:
    """Write the graph; its large weights go beside it, in `<name>_data`, when asked for or when too large to be inside.

    External weights are read and written a few at a time. ExportError names one that its type cannot hold.
    """
    data = path.with_name(path.name + "_data")
    data.unlink(missing_ok=True)
    size = sum(value.const_value.nbytes for value in model.graph.initializers.values())
    with unwrapped():
        if not external and size <= INLINE_LIMIT:
            onnx.save(plain(ir.to_proto(model)), path)
            return
        ir.save(model, path, external_data=data.name, size_threshold_bytes=64, max_workers=1)
    onnx.save(plain(onnx.load(path, load_external_data=False)), path)
    data.chmod(path.stat().st_mode)
