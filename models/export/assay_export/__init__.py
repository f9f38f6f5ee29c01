"""Turns transformers reward-model checkpoints into bundles that Assay serves."""

from .bundle import export_bundle
from .errors import ExportError

__all__ = ["ExportError", "export_bundle"]
