"""Is the program as it should be: what is looked at, what was found, and a report that can be passed on."""

from wan_desktop.core.doctor.health import (
    Facts,
    HealthFix,
    HealthItem,
    HealthKind,
    HealthState,
    examine,
    worst,
)
from wan_desktop.core.doctor.private import Private, known_prompts, without_private
from wan_desktop.core.doctor.report import LOG_LINES, health_in_words, report, save_report_zip

__all__ = [
    "LOG_LINES",
    "Facts",
    "HealthFix",
    "HealthItem",
    "HealthKind",
    "HealthState",
    "Private",
    "examine",
    "health_in_words",
    "known_prompts",
    "report",
    "save_report_zip",
    "without_private",
    "worst",
]
