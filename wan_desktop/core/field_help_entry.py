"""One help text of a field."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldHelp:
    """What a field is for; all texts are to be translated when they are shown."""

    field_id: str
    """The page and the field: `create.prompt`; of settings the name that they have in `Settings`."""
    title: str
    does: str
    """What it changes."""
    choose: str
    """What to take, in which case."""
