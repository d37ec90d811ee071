"""What is known of a PC as plain text, to be copied and shown to somebody who helps."""

from collections.abc import Sequence

from wan_desktop import __version__
from wan_desktop.core.log import redact
from wan_desktop.core.messages import SpeedReport
from wan_desktop.core.pc_measured import speed_lines
from wan_desktop.core.pc_reach import ModelReach, reach_in_words
from wan_desktop.core.pc_rows import PcRow, rows_in_words
from wan_desktop.core.words import tr


def pc_report(
    rows: Sequence[PcRow],
    can_make: Sequence[ModelReach] = (),
    speeds: Sequence[SpeedReport] = (),
    learned: str = "",
) -> str:
    """The report, without the user's name, paths of folders, and numbers that name a card.

    Args:
        rows: What `pc_rows` says.
        can_make: What `pc_reach.reach` has found.
        speeds: What was measured.
        learned: What renders have shown, in words.
    """
    parts = [f"Wan Desktop {__version__}", rows_in_words(rows), reach_in_words(can_make)]
    parts.append("\n".join(_model_line(each) for each in can_make))
    for report in speeds:
        head = tr("Speed test of {device}, torch {version}", device=report.device_name, version=report.torch_version)
        lines = [f"{line.name}: {line.value} {line.hint}".strip() for line in speed_lines(report)]
        parts.append("\n".join([head, *lines]))
    parts.append(learned)
    return redact("\n\n".join(part for part in parts if part))


def _model_line(made: ModelReach) -> str:
    video = tr(
        "{width} x {height}, {num_frames} frames", width=made.width, height=made.height, num_frames=made.num_frames
    )
    seconds = ""
    if made.seconds_low is not None and made.seconds_high is not None:
        seconds = tr(", {low:.0f} to {high:.0f} s", low=made.seconds_low, high=made.seconds_high)
    return f"{made.name} ({made.variant}): {made.fit.value}, {video}{seconds}"
