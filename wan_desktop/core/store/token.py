"""The user's access token for the Hub: in the system's keyring, never in a file, an argument or a log."""

import logging
import re

from wan_desktop.core.errors import InputError, SettingsError
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

_SERVICE, _NAME = "Wan Desktop", "huggingface.co"
_TOKEN = re.compile(r"[!-~]{1,1000}")


def is_token(text: str) -> bool:
    """Whether it can be a token: visible ASCII, nothing that would end a header."""
    return _TOKEN.fullmatch(text) is not None


def read_token() -> str | None:
    """The token, or None when there is none or the system has no keyring."""
    import keyring  # noqa: PLC0415 - 50 ms that most starts do not need
    import keyring.errors  # noqa: PLC0415

    try:
        return keyring.get_password(_SERVICE, _NAME)
    except keyring.errors.KeyringError as error:
        logger.info("The system's keyring cannot be read: %s", type(error).__name__)
        return None


def write_token(token: str) -> None:
    """Keep the token; an empty one is forgotten.

    Raises:
        InputError: It cannot be a token.
        SettingsError: The system has no keyring, or does not open it.
    """
    token = token.strip()
    if token and not is_token(token):
        raise InputError(
            tr("The access token holds spaces or letters that no token has."),
            hint=tr("Copy it again from huggingface.co/settings/tokens; it begins with hf_."),
        )
    import keyring  # noqa: PLC0415 - as above
    import keyring.errors  # noqa: PLC0415

    try:
        if token:
            keyring.set_password(_SERVICE, _NAME, token)
        elif keyring.get_password(_SERVICE, _NAME) is not None:
            keyring.delete_password(_SERVICE, _NAME)
    except keyring.errors.KeyringError as error:
        raise SettingsError(
            tr("The system's keyring cannot be used: {error}.", error=error),
            hint=tr("Unlock the keyring. Without it the token cannot be kept; public models need none."),
        ) from error
