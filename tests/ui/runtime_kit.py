"""A program that installs its engine: small real wheels on the loopback device, and a played engine in them."""

import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.core.runtime.conftest import KIND, Parts, runtimes_in, works
from tests.fakes.wheel_server import WheelServer
from tests.fakes.wheels import BuiltWheel
from tests.ui.conftest import FAKE_ENGINE, ROOT
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.program_engine import ProgramEngine
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime
from wan_desktop.core.runtime.runtimes import Runtimes, SelfTest
from wan_desktop.core.settings import Settings

_PLAYED = """import runpy, sys
from pathlib import Path
with Path({started!r}).open("a") as file:
    file.write(sys.prefix + chr(10))
sys.path[:0] = {paths!r}
for name in [name for name in sys.modules if name.partition(".")[0] == "wan_desktop"]:
    del sys.modules[name]
sys.argv = ["engine", "ok"]
runpy.run_path({fake!r}, run_name="__main__")
"""
"""The module `wan_desktop.engine` of that program: writes down whose interpreter it runs in, and plays the engine."""


@dataclass
class EngineShop:
    """Where that program's engine comes from, and where it goes.

    Args:
        folder: For all of it.
        tools: What runtimes are made with.
        server: The package index.
        parts: Of the engine, in two versions.
    """

    folder: Path
    tools: BuildTools
    server: WheelServer
    parts: Parts
    self_test: SelfTest = works
    runtimes: Runtimes = field(init=False)

    def __post_init__(self) -> None:
        self.server.add(*self.parts.everything)
        self.runtimes = runtimes_in(self.folder / "rt", self.tools, self.server.url)
        self.resources, self.sources = self.folder / "resources", self.folder / "sources"
        package = self.sources / "wan_desktop" / "engine"
        package.mkdir(parents=True)
        for made in (package, package.parent):
            (made / "__init__.py").touch()
        paths = [str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        played = _PLAYED.format(started=str(self._started), paths=paths, fake=str(FAKE_ENGINE))
        (package / "__main__.py").write_text(played, encoding="utf-8")
        self.want(self.parts.old)

    @property
    def _started(self) -> Path:
        return self.folder / "started.txt"

    @property
    def started(self) -> list[Path]:
        """The environments in which engines were started, the newest last."""
        return [Path(line) for line in self._started.read_text("utf-8").split()] if self._started.exists() else []

    def want(self, wheels: Iterable[BuiltWheel]) -> None:
        """Let this version of the program want those parts."""
        folder = self.resources / "runtimes"
        folder.mkdir(parents=True, exist_ok=True)
        lines = "\n".join(wheel.line for wheel in wheels)
        (folder / f"{KIND}.lock").write_text(lines, encoding="utf-8")

    def settings(self, **changes: object) -> Settings:
        """Settings that name this index; nobody has a wizard to go through."""
        own = {"package_index": f"{self.server.url}/simple", "torch_index": f"{self.server.url}/whl"}
        return Settings(wizard_done=True).with_changes(**own | changes)

    def engine(self) -> ProgramEngine:
        """What the window is given."""

        def test(runtime: InstalledRuntime, context: JobContext) -> None:
            self.self_test(runtime, context)  # whatever it is by then

        return ProgramEngine(self.runtimes, self.resources, self.sources, test, system=sys.platform)
