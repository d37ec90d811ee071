"""Settings that change the whole process."""

import logging
import os
import urllib.request
from collections.abc import Iterator

import huggingface_hub
import pytest

from wan_desktop.core import settings_effects
from wan_desktop.core.settings import LogLevel, Settings
from wan_desktop.core.settings_effects import apply_settings

_NAMES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in _NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(settings_effects, "_found", [])
    level = logging.getLogger("wan_desktop").level
    yield
    logging.getLogger("wan_desktop").setLevel(level)
    for name in _NAMES:
        os.environ.pop(name, None)


def test_that_the_log_level_counts_at_once() -> None:
    apply_settings(Settings(log_level=LogLevel.DETAILED))
    assert logging.getLogger("wan_desktop.core").isEnabledFor(logging.DEBUG)
    apply_settings(Settings())
    assert not logging.getLogger("wan_desktop.core").isEnabledFor(logging.DEBUG)


def test_that_the_proxy_is_used_and_let_go_again() -> None:
    apply_settings(Settings(proxy="http://proxy.example:8080"))
    assert urllib.request.getproxies()["https"] == "http://proxy.example:8080"
    apply_settings(Settings())
    assert not set(_NAMES) & set(os.environ)


def test_that_a_proxy_of_the_environment_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://of.the.environment:1")
    apply_settings(Settings(proxy="http://proxy.example:8080"))
    apply_settings(Settings())
    assert os.environ["https_proxy"] == "http://of.the.environment:1"


def test_that_open_connections_are_made_anew_only_when_the_proxy_changes() -> None:
    first = huggingface_hub.get_session()
    apply_settings(Settings())
    assert huggingface_hub.get_session() is first
    apply_settings(Settings(proxy="http://proxy.example:8080"))
    assert huggingface_hub.get_session() is not first
    apply_settings(Settings())
    huggingface_hub.close_session()
