"""The frozen window installs its engine from the package index it was built for, and makes a video with it.

As an installed program does, but for the system and the index: the real parts of the engine for Linux, from a server on
this machine.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from installer import build, common, freeze
from tests.core.runtime.conftest import tools  # noqa: F401 - a fixture
from tests.core.runtime.test_real_runtime import lock, real_server, wheels  # noqa: F401 - fixtures
from tests.fakes.wheel_server import WheelServer
from tests.installer.test_bundle import folder_of
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.recipe import read_recipe
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.program_engine import BUILD_INDEX
from wan_desktop.core.settings import Settings, save_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LIKE_A_USER = """
import json
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from wan_desktop.core.engine_client import EngineReady
from wan_desktop.core.paths import AppPaths
from wan_desktop.ui.imports import of_pages
from wan_desktop.ui.program import Program

application = QApplication(["window", "-style", "Fusion"])
program = Program(application, AppPaths.find())
program.show()
told = {"pages": len(list(of_pages())), "needs": []}
done = []

def look():
    session, page = program.session, program.window.create
    if session is None or page.form is None:
        return
    if session.runtime.need and session.runtime.need not in told["needs"]:
        told["needs"].append(session.runtime.need)
        session.runtime.install()
    if session.runtime.error is not None:
        told["error"] = str(session.runtime.error)
        application.exit(1)
    state = session.engine_state
    if isinstance(state, EngineReady) and "torch" not in told:
        told["torch"] = state.ready.torch_version
        page.render_ended.connect(done.append)
        page.form.write_prompt(page.stage.empty.samples[0])
        page.footer.generate.click()
    if done:
        told["video"] = str(getattr(getattr(done[0], "result", None), "path", done[0]))
        application.exit(0)

timer = QTimer()
timer.timeout.connect(look)
timer.start(100)
code = application.exec()
program.shutdown()
print(json.dumps(told), flush=True)
raise SystemExit(code)
"""


@pytest.fixture
def installed(tmp_path: Path, tools: BuildTools, real_server: WheelServer) -> Path:  # noqa: F811
    """The frozen window as it is installed, with the index that it was built for."""

    def link(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)

    folder = tmp_path / "WanDesktop"
    shutil.copytree(folder_of("window"), folder, copy_function=link, symlinks=True)
    build.add_tools(folder, tools.uv)
    runtimes = folder / common.CONTENTS / common.SOURCES / "resources" / "runtimes"
    (runtimes / BUILD_INDEX).write_text(f"{real_server.url}/simple\n", encoding="utf-8")
    return folder


def test_that_the_frozen_window_installs_its_engine_and_makes_a_video(
    tmp_path: Path,
    installed: Path,
    real_server: WheelServer,  # noqa: F811
) -> None:
    home = tmp_path / "home"
    paths = AppPaths.find({"WAN_DESKTOP_HOME": str(home)})
    paths.ensure()
    save_settings(Settings(wizard_done=True, torch_index=f"{real_server.url}/whl"), paths.settings_file)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "WAN_DESKTOP_HOME": str(home)}
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        environment.pop(name, None)
    for needs in (["absent"], []):  # the second time it is there
        command = [str(freeze.program_in(installed)), "-c", LIKE_A_USER]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path, timeout=1200
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        told = json.loads(done.stdout.splitlines()[-1])
        assert told["needs"] == needs
        assert told["torch"] == "2.13.0+cpu"
        assert told["pages"] > 40
        assert read_recipe(Path(told["video"])).request.prompt
        assert bool(real_server.all_sent_bytes) is bool(needs)
        real_server.sent_bytes.clear()
