"""Times as they are written down: ISO 8601, UTC, to the second, so that they compare as text."""

import datetime


def now_utc() -> str:
    """This moment."""
    return days_ago(0)


def days_ago(days: int) -> str:
    """So many days before this moment."""
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
    return then.isoformat(timespec="seconds")
