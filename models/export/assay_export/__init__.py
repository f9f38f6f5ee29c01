"""Turns transformers reward-model checkpoints into bundles that Assay serves."""

from .bundle import export_bundle
from .errors import ExportError
from .features import export_features

__all__ = ["ExportError", "export_bundle", "export_features"]
