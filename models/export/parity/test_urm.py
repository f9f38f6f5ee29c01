"""URM's head against plain arithmetic, and what it refuses."""

import pytest
import torch
from torch import nn

from assay_export.errors import ExportError
from assay_export.models.heads import Given
from assay_export.models.urm import Selu, urm_head

WEIGHTS = {"score.weight": (10, 8), **{f"weights.fc.{number}.weight": (8, 8) for number in (0, 2)}, "weights.fc.4.weight": (5, 8),
           **{f"weights.fc.{number}.bias": (size,) for number, size in ((0, 8), (2, 8), (4, 5))}}


def given(**changed: tuple[int, ...]) -> Given:
    """Return what the head is built from, with seeded weights; score.weight may have another shape."""
    generator = torch.Generator().manual_seed(1)
    shapes = WEIGHTS | {f"{name}.weight": shape for name, shape in changed.items()}
    return Given({}, {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}, nn.Identity(), torch.zeros(4, 8), 8, {})


def test_score_is_the_sum_of_means_by_weights():
    own, row = given(), torch.randn(1, 8, generator=torch.Generator().manual_seed(2))
    columns = urm_head(own)(row)[0]
    weights = own.weights
    pairs = (row @ weights["score.weight"].T).view(5, 2)
    first, second, third = (lambda x, name=f"weights.fc.{number}": nn.functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])
                            for number in (0, 2, 4))
    mix = third(nn.functional.selu(second(nn.functional.selu(first(row)))))[0]
    torch.testing.assert_close(columns, torch.cat([(pairs[:, 0] * mix).sum()[None], pairs[:, 0], pairs[:, 1], mix]))
    assert own.used == set(weights)


def test_selu_is_torchs():
    x = torch.linspace(-150, 150, 3001, dtype=torch.float64)
    torch.testing.assert_close(Selu()(x), nn.functional.selu(x))


def test_a_network_without_a_bias_is_refused():
    own = given()
    del own.weights["weights.fc.2.bias"]
    with pytest.raises(ExportError, match="no weight weights.fc.2.bias"):
        urm_head(own)


def test_a_score_without_two_rows_for_each_weight_is_refused():
    with pytest.raises(ExportError, match="score.weight has 8 rows, and the 5 weights"):
        urm_head(given(score=(8, 8)))
