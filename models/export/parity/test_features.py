"""A model of named numbers, from PyTorch to the Go server's proof of the bundle."""

import subprocess
from pathlib import Path

import pytest
from torch import nn

from assay_export import export_features, tiny

ASSAY = Path(__file__).parents[3] / "bin" / "assay"


@pytest.mark.parametrize("labels", [["reward"], ["help", "harm"]])
def test_the_server_gives_pytorch_scores(tmp_path, labels):
    if not ASSAY.exists():
        pytest.fail("bin/assay is missing; make parity builds it first")
    module = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, len(labels)))
    tiny.fill(module, 7, 0.5)
    export_features(module.eval(), tmp_path / "judge", name="judge", features=["length", "overlap", "age"], mean=[120, 0.5, 4000], std=[40, 0.25, 900],
                    labels=labels)
    done = subprocess.run([ASSAY, "verify", tmp_path / "judge"], capture_output=True, text=True)
    assert done.returncode == 0 and "4 pairs" in done.stdout, done.stdout + done.stderr
