"""Words and numbers."""

import pytest

from wan_desktop.core.generation import Sampler
from wan_desktop.ui import text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0.0 s"),
        (0.42, "0.4 s"),
        (12.4, "12 s"),
        (59.6, "1 min"),
        (75, "1 min 15 s"),
        (219, "3 min 40 s"),
        (600, "10 min"),
        (3900, "1 h 5 min"),
    ],
)
def test_that_durations_are_short(seconds: float, words: str) -> None:
    assert text.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "measuring"),
        (-4, "finishing soon"),
        (0.4, "finishing soon"),
        (3.2, "about 3 s left"),
        (41, "about 41 s left"),
    ],
)
def test_that_the_time_left_is_honest(seconds: float | None, words: str) -> None:
    assert text.time_left(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "2 kB"), (7_600_000_000, "7.6 GB"), (10**12, "1000.0 GB")],
)
def test_that_bytes_are_decimal(count: int, words: str) -> None:
    assert text.data_size(count) == words


def test_that_the_end_token_is_not_the_users() -> None:
    assert text.tokens_used(1, 512) == "0 of 511 tokens"


def test_that_the_title_begins_with_the_percent() -> None:
    assert text.window_title(47) == "47 % - Wan Desktop"
    assert text.window_title(None) == "Wan Desktop"


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("cpu", "Processor (CPU)"),
        ("CPU", "Processor (CPU)"),
        ("NVIDIA RTX 4070", "NVIDIA RTX 4070"),
        ("cuda:0", "Graphics card"),
        ("xpu", "xpu"),
    ],
)
def test_that_devices_have_names(device: str, words: str) -> None:
    assert text.device_name(device) == words


def test_that_every_sampler_has_a_name() -> None:
    names = [text.sampler_name(sampler) for sampler in Sampler]
    assert names == ["Model's own", "UniPC", "Euler", "DPM++ 2M"]
