"""Clients of Assay, the reward-model inference server, and reward functions for the trainers that people run."""

from .aio import AsyncClient
from .client import Client
from .errors import AssayError, ItemsFailed, Refused, Unreachable
from .items import pair
from .retry import NEVER, Retry

__all__ = ["NEVER", "AssayError", "AsyncClient", "Client", "ItemsFailed", "Refused", "Retry", "Unreachable", "pair"]
