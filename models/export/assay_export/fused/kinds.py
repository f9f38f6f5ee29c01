"""Which kinds of body have a graph for GPUs, by their model_type, and who reads each."""

from ..errors import ExportError
from .behind import Behind, Exaone4, Olmo3
from .deviating import Glm, Glm4, Granite, HunYuan, Phi3, SmolLM3
from .gemma import Gemma, Gemma2, Gemma3
from .layer import ACTIVATIONS
from .read import Mistral, Plain, Qwen3, Windowed

READERS: dict[str, type[Plain]] = {
    "llama": Plain, "qwen2": Windowed, "qwen3": Qwen3, "mistral": Mistral, "gemma": Gemma, "gemma2": Gemma2, "gemma3_text": Gemma3, "phi3": Phi3,
    "olmo2": Behind, "olmo3": Olmo3, "granite": Granite, "smollm3": SmolLM3, "exaone4": Exaone4, "seed_oss": Plain, "hunyuan_v1_dense": HunYuan,
    "ministral3": Mistral, "glm": Glm, "glm4": Glm4}
"""InternLM2 is read as the Llama that it is."""


def reader(config) -> type[Plain]:
    """Return who reads the body of a transformers config; ExportError names a kind, or an activation, that nobody
    does."""
    if config.model_type not in READERS:
        raise ExportError(f"model_type {config.model_type!r} has no graph for --compute; leave it out, and the graph is in float32 as ever. "
                          f"Those that have one: {', '.join(READERS)}")
    activation = getattr(config, "hidden_activation", None) or config.hidden_act
    if activation not in ACTIVATIONS:
        raise ExportError(f"config.json: {activation!r} between gate and down has no operator for --compute; leave it out, and the graph is in float32 "
                          f"as ever. Those that have one: {', '.join(ACTIVATIONS)}")
    return READERS[config.model_type]
