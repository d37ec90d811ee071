"""Settings of torch for models this small."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """More threads are slower here."""
    torch.set_num_threads(1)
