"""The runtimes of this program as it is installed, and the environment of development, which needs none."""

import importlib.util
import sys
from pathlib import Path

from wan_desktop.core.paths import AppPaths
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.lock import RuntimeLock
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime, development_runtime, is_frozen
from wan_desktop.core.runtime.runtimes import Runtimes
from wan_desktop.core.runtime.wheel_index import WheelIndex, WheelSources
from wan_desktop.core.store.fetcher import TransferLimits

_FOLDER = "rt"
"""Short, as all above long paths on Windows."""


def program_runtimes(
    paths: AppPaths, *, sources: WheelSources | None = None, limits: TransferLimits | None = None
) -> Runtimes | None:
    """The runtimes of the installed program; None where the engine is part of the program, as in development.

    Args:
        paths: Where the user's data lie.
        sources: Addresses of package indexes; the public ones if None.
        limits: How hard to try when files are fetched.
    """
    if not is_frozen():
        return None
    tools = BuildTools.bundled(Path(sys.executable).parent)
    if not tools.uv.exists() and not tools.python.exists() and importlib.util.find_spec("torch") is not None:
        return None  # the large copy of the program, which has all in it
    return Runtimes(paths.data / _FOLDER, tools, WheelIndex(sources), limits=limits)


def runtime_in_use(runtimes: Runtimes | None, lock: RuntimeLock) -> InstalledRuntime:
    """The environment to start the engine with.

    Args:
        runtimes: As `program_runtimes` gives them.
        lock: What this version of the program wants.

    Raises:
        EngineRuntimeError: There is none, or it is damaged.
    """
    return development_runtime() if runtimes is None else runtimes.current(lock)
