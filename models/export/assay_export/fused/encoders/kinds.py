"""Which kinds of encoder have a graph for GPUs, by their model_type, and who reads each."""

from ...errors import ExportError
from ..layer import ACTIVATIONS
from .read import Bert, DistilBert, EuroBert, ModernBert, Reader, Roberta, Turned

READERS: dict[str, type[Reader]] = {
    "bert": Bert, "roberta": Roberta, "xlm-roberta": Roberta, "electra": Bert, "distilbert": DistilBert, "modernbert": ModernBert, "eurobert": EuroBert,
    "gte": Turned, "nomic_bert": Turned}


def reader(config) -> type[Reader]:
    """Return who reads the body of a transformers config; ExportError names a kind, or an activation, that nobody
    does."""
    if config.model_type not in READERS:
        raise ExportError(f"model_type {config.model_type!r} has no graph for --compute, since attention of its own cannot be arranged in tiles; leave it "
                          f"out, and the graph is in float32 as ever. Encoders that have one: {', '.join(READERS)}")
    names = {"modernbert": "hidden_activation", "distilbert": "activation"}
    activation = getattr(config, names.get(config.model_type, "hidden_act"))
    if activation not in ACTIVATIONS:
        raise ExportError(f"config.json: {activation!r} in the feed-forward part has no operator for --compute; leave it out, and the graph is in "
                          f"float32 as ever. Those that have one: {', '.join(ACTIVATIONS)}")
    return READERS[config.model_type]
