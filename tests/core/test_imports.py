"""Core needs neither Qt nor torch, however it is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

import wan_desktop.core

PACKAGE = Path(wan_desktop.core.__path__[0])
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.stem != "__init__")
MODULES = [".".join(file.with_suffix("").parts) for file in FILES]
BLOCK = """
import sys
for name in ("PySide6", "shiboken6", "torch", "diffusers", "transformers", "accelerate"):
    sys.modules[name] = None
import wan_desktop.core.{module}
"""


@pytest.mark.parametrize("module", MODULES)
def test_that_a_core_module_imports_with_qt_and_torch_blocked(module: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", BLOCK.format(module=module)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
