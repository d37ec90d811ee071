"""Tiny models, made once a session."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.fakes.tiny_models import make_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's tiny model."""
    made: dict[str, Path] = {}

    def get(family: str) -> Path:
        if family not in made:
            made[family] = make_tiny_model(family, tmp_path_factory.mktemp("models") / family)
        return made[family]

    return get


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """More threads are slower on models this small."""
    torch.set_num_threads(1)
