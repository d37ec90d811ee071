"""The durable queue of renders: saved at each change, and there again after a crash.

Nothing of it runs by itself: `QueueRunner.run_next` makes the next video on the thread that calls it.
"""

from wan_desktop.core.render_queue.job import (
    MAX_VERSIONS,
    MemorySettings,
    OfferedChange,
    RenderEstimate,
    RenderJob,
    RenderOrder,
    RenderState,
    Trouble,
    WhenDone,
)
from wan_desktop.core.render_queue.queue import RenderQueue
from wan_desktop.core.render_queue.runner import QueueRunner
from wan_desktop.core.render_queue.state import HISTORY_KEPT, QueueSnapshot, TimeLeft

__all__ = [
    "HISTORY_KEPT",
    "MAX_VERSIONS",
    "MemorySettings",
    "OfferedChange",
    "QueueRunner",
    "QueueSnapshot",
    "RenderEstimate",
    "RenderJob",
    "RenderOrder",
    "RenderQueue",
    "RenderState",
    "TimeLeft",
    "Trouble",
    "WhenDone",
]
