"""The test that a new runtime must pass: its engine makes a short video with the built-in model."""

import tempfile
from dataclasses import replace
from pathlib import Path

from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.rendering import Renderer
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime
from wan_desktop.core.self_test import run_self_test


def render_test(paths: AppPaths, sources: Path, runtime: InstalledRuntime, context: JobContext) -> None:
    """Start the runtime's engine, make the video, look at it, and end the engine.

    What is learned of times and ways of loading on the way belongs to no runtime in use, and is thrown away.

    Args:
        paths: Where the program's resources are, and its folder for work.
        sources: See `InstalledRuntime.engine_environment`.
        runtime: What to test.
        context: Asked for a cancel.

    Raises:
        JobCancelled: It was asked to stop.
        WanError: Something of it does not work; the error says what.
    """
    paths.ensure()
    with tempfile.TemporaryDirectory(dir=paths.work, prefix="runtime-", ignore_cleanup_errors=True) as folder:
        own = replace(paths, data=Path(folder))
        client = EngineClient(runtime.engine_command(), environment=runtime.engine_environment(sources))
        try:
            run_self_test(Renderer(client, own, RenderPlanner(own)), own, context)
        finally:
            client.stop()
