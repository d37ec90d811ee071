"""One log, without secrets."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from wan_desktop.core.log import redact, start_logging, stop_logging


@pytest.fixture(autouse=True)
def closed_log() -> Iterator[None]:
    yield
    stop_logging()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("token hf_AbCdEfGhIjKl123", "hf_AbCdEfGhIjKl123"),
        ("Authorization: Bearer abc.def-123", "abc.def-123"),
        ("https://user:secret@proxy:8080", "secret"),
        ("https://host/file?token=abc123&x=1", "abc123"),
    ],
)
def test_that_secrets_are_blanked(text: str, secret: str) -> None:
    assert secret not in redact(text)


def test_that_the_home_folder_is_shortened() -> None:
    assert redact("/home/ann/videos/a.mp4", Path("/home/ann")) == "~/videos/a.mp4"


def test_that_tracebacks_are_redacted_too(tmp_path: Path) -> None:
    start_logging(tmp_path / "app.log")
    try:
        raise ValueError("hf_AbCdEfGhIjKl123")
    except ValueError:
        logging.getLogger("wan_desktop.test").exception("It failed")
    text = (tmp_path / "app.log").read_text(encoding="utf-8")
    assert "ValueError: ***" in text
    assert "hf_" not in text


def test_that_the_log_rotates(tmp_path: Path) -> None:
    start_logging(tmp_path / "app.log")
    logger = logging.getLogger("wan_desktop.test")
    for _ in range(30):
        logger.info("x" * 100_000)
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert 2 <= len(sizes) <= 4
    assert max(sizes) <= 1_000_000


def test_that_a_folder_that_cannot_be_written_does_not_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    start_logging(tmp_path / "file" / "app.log")
    logging.getLogger("wan_desktop.test").info("still here")


def test_that_starting_twice_writes_each_line_once(tmp_path: Path) -> None:
    start_logging(tmp_path / "app.log")
    start_logging(tmp_path / "app.log")
    logging.getLogger("wan_desktop.test").info("once")
    assert (tmp_path / "app.log").read_text(encoding="utf-8").count("once") == 1
