"""One help text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorHelp:
    """What an error means; all texts are to be translated when they are shown."""

    number: int
    title: str
    cause: str
    """Why it happens, in plain words."""
    what_to_do: tuple[str, ...]
    """Steps, the best first."""
    tried: str
    """What the program does by itself before it tells the user."""
