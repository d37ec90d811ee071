"""What some settings change for the whole process: how much is logged, and which proxy is used."""

import logging
import os
import sys

from wan_desktop.core.settings import Settings

_VARIABLES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
"""urllib and httpx both read them before the system's own settings; on Windows the capitals are the same variables."""
_found: list[dict[str, str]] = []
"""What the variables were when the program started."""


def apply_settings(settings: Settings) -> None:
    """Let these settings count from now on; those that others read where they need them are not concerned."""
    logging.getLogger("wan_desktop").setLevel(settings.log_level.number)
    _use_proxy(settings.proxy)


def _use_proxy(address: str) -> None:
    if not _found:
        _found.append({name: os.environ[name] for name in _VARIABLES if name in os.environ})
    before = _in_use()
    for name in _VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(dict.fromkeys(_VARIABLES, address) if address else _found[0])
    if _in_use() != before and "huggingface_hub" in sys.modules:
        from huggingface_hub import close_session  # noqa: PLC0415 - only where it is loaded already

        close_session()  # the next one looks at the variables again


def _in_use() -> dict[str, str]:
    return {name: os.environ[name] for name in _VARIABLES if name in os.environ}
