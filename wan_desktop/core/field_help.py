"""What each field of the program is for, offline: what it does, and what to choose.

Fields are known by ids that the window gives to their widgets. The texts live in `field_help_texts`.
"""

from wan_desktop.core.field_help_entry import FieldHelp
from wan_desktop.core.field_help_texts import ENTRIES

_BY_ID = {entry.field_id: entry for entry in ENTRIES}


def help_of(field_id: str) -> FieldHelp | None:
    """The help text of that field; None if there is none."""
    return _BY_ID.get(field_id)


def setting_id(field: str) -> str:
    """The id of the field that changes a setting.

    Args:
        field: Its name in `Settings`, or that of what is kept elsewhere.
    """
    return f"settings.{field}"
