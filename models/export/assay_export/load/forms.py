"""The heads that a family may ask for with `head.form`."""

from collections.abc import Callable

from torch import nn

from ..errors import ExportError
from ..models.beaver import beaver_head
from ..models.gated import gated_head
from ..models.gpm import gpm_head
from ..models.heads import Given, candidates_head, linear_head, mlp_head, vocabulary_mean
from ..models.ldl import ldl_head
from ..models.likelihood import choice_head, likelihood_head
from ..models.oasst import oasst_head
from ..models.pairrm import pairrm_head
from ..models.urm import urm_head
from .mean import mean_head

FORMS: dict[str, Callable[[Given], nn.Module]] = {
    "linear": linear_head, "mlp": mlp_head, "candidates": candidates_head, "vocabulary_mean": vocabulary_mean,
    "likelihood": likelihood_head, "choice": choice_head, "gated": gated_head, "beaver": beaver_head, "oasst": oasst_head, "ldl": ldl_head,
    "gpm": gpm_head, "pairrm": pairrm_head, "urm": urm_head, "mean": mean_head}
"""Three more are made in checkpoint.py: `classifier` is transformers' own class of an encoder (encoder.py), `modules`
what sentence-transformers puts behind a body to score (modules.py), and `embedding` what it puts there to embed
(embedding.py). And `logit_score` becomes `candidates` once the directory has told the tokens (logit_score.py)."""


def build(given: Given) -> nn.Module:
    """Return the head that the family's form asks for; `given.used` holds the names of the weights that it took."""
    form = given.form.get("form")
    if form not in FORMS:
        raise ExportError(f"head form {form!r} is unknown; known are classifier, modules, embedding, {', '.join(FORMS)}")
    return FORMS[form](given)
