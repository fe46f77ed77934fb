"""What every wheel must do where it was built: import, use the native core, answer from an archive.

cibuildwheel runs this in a fresh environment that has the wheel and what it depends on, no torch.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from seqmap import load
from seqmap.codecs import fit_codec
from seqmap.config import Config
from seqmap.runtime import native
from seqmap.runtime.archive import FORMAT, Archive, save

TEXTS = ["It was not bad at all .", "never again", ""]


def archive() -> Archive:
    """Return a classifier with random weights."""
    config = Config().replace(text__unit="word", wide__kind="none", encoder__hidden=24)
    codec = fit_codec(TEXTS, config.text)
    rng = np.random.default_rng(0)
    state, arrays = codec.to_state()
    shapes = {"embedding.weight": (codec.size, 128), "head.weight": (2, 96), "head.bias": (2,)}
    for side in ("forward", "backward"):
        name = f"encoder.layers.0.{side}"
        shapes |= {f"{name}.w_ih": (96, 128), f"{name}.w_hh": (96, 24), f"{name}.bias": (96,)}
    for name, shape in shapes.items():
        arrays[name] = rng.normal(scale=0.2, size=shape).astype(np.float32)
    manifest = {
        "format": FORMAT,
        "task": "classify",
        "config": config.to_dict(),
        "source": state,
        "target": {"labels": ["no", "yes"], "multi": False},
        "calibration": {"deep": 1.0},
    }
    return Archive(manifest, arrays)


def main() -> None:
    """Answer on every instruction set, and compare."""
    assert native.available(), "the wheel has no native core, or it cannot be loaded"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.seqmap"
        save(archive(), path)
        found = []
        for name in native.available_isas():
            native.set_isa(name)
            found.append(load(path).predict_proba(TEXTS))
        for other in found[1:]:
            np.testing.assert_allclose(other, found[0], atol=1e-5)
    assert "torch" not in sys.modules
    print("seqmap answers on", ", ".join(native.available_isas()))


if __name__ == "__main__":
    main()
