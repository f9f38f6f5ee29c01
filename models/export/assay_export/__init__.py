"""Turns transformers reward-model checkpoints into bundles that Assay serves."""

from .errors import ExportError
from .features import export_features
from .memory import export_bundle

__all__ = ["ExportError", "export_bundle", "export_features"]
