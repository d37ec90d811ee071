"""A tiny model that claims to be a large one: for whoever plans, and computes nothing."""

import json
import shutil
from pathlib import Path

from wan_desktop.core.catalog import Model
from wan_desktop.core.catalog.added import describe_folder
from wan_desktop.core.model_folder import inspect_model_folder

_SIZES = {"num_layers": 30, "num_attention_heads": 24, "attention_head_dim": 128, "ffn_dim": 14336}


def make_large_model(tiny: Path, folder: Path) -> Model:
    """A copy of a tiny model's folder whose transformer has five billion weights, if its config is believed."""
    shutil.copytree(tiny, folder)
    config = folder / "transformer" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | _SIZES), encoding="utf-8")
    found = inspect_model_folder(folder)
    return Model(describe_folder(found, "large"), found)
