"""The command line as its users call it: a process, its output, its exit code."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.conftest import TinyModel
from wan_desktop.core.recipe import read_recipe

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--width", "64", "--height", "64", "--num-frames", "5", "--num-inference-steps", "2"]


class CommandLine:
    """Calls main.py with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            **os.environ,
            "WAN_DESKTOP_HOME": str(home),
            "OMP_NUM_THREADS": "1",
            "PYTHONIOENCODING": "utf-8",
            "LC_ALL": "C.UTF-8",  # English, whatever the system speaks
        }

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=self.environment,
            cwd=self.home.parent,
        )

    def call(self, *arguments: object) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        with self.start(*arguments) as process:
            output, errors = process.communicate(timeout=100)
            return process.returncode, output, errors

    def events(self, *arguments: object) -> tuple[int, list[dict[str, Any]]]:
        """Exit code and JSON lines."""
        code, output, _ = self.call(*arguments, "--json")
        return code, [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "home")


def test_that_errors_are_in_the_language_of_the_settings(command_line: CommandLine, tmp_path: Path) -> None:
    command_line.home.mkdir()
    (command_line.home / "settings.json").write_text('{"language": "de"}', encoding="utf-8")
    asked = ("render", "--prompt", "a red fox", "--model", "nothing", "--out", tmp_path / "clip.mp4")
    code, output, errors = command_line.call(*asked)
    assert (code, output) == (1, "")
    assert errors.startswith("Dieses Modell ist nicht auf diesem PC (WAN-2106): Es gibt kein Modell 'nothing'")
    code, events = command_line.events(*asked)
    assert (events[-1]["code"], events[-1]["number"]) == ("model-not-found", 2106)
    assert events[-1]["message"].startswith("Es gibt kein Modell 'nothing'")


def test_that_render_ends_with_done_and_a_video(
    command_line: CommandLine, tiny_model: TinyModel, tmp_path: Path
) -> None:
    out = tmp_path / "new folder" / "clip.mp4"
    code, events = command_line.events(
        "render", "--prompt", "a red fox", "--model", tiny_model("t2v"), *SMALL, "--seed", 5, "--out", out
    )
    assert code == 0
    done = events[-1]
    assert done["event"] == "done"
    assert done["path"] == str(out)
    assert done["seconds"] > 0
    assert done["attempts"][0]["outcome"] == "done"
    assert done["ram_peak_bytes"] > 100_000_000
    with av.open(str(out)) as container:
        assert container.streams.video[0].frames == 5
    stages = [event["stage"] for event in events if event["event"] == "progress"]
    assert list(dict.fromkeys(stages)) == ["load_model", "read_prompt", "create_frames", "build_pictures", "save_video"]


def test_that_the_recipe_of_a_video_is_printed(
    command_line: CommandLine, tiny_model: TinyModel, tmp_path: Path
) -> None:
    out = tmp_path / "clip.mp4"
    command_line.call(
        "render", "--prompt", "a red fox", "--model", tiny_model("t2v"), *SMALL, "--seed", 5, "--out", out
    )
    code, output, _ = command_line.call("recipe", out)
    assert code == 0
    assert json.loads(output)["request"]["prompt"] == "a red fox"
    assert json.loads(output)["request"]["seed"] == 5


def test_that_without_json_only_the_path_is_on_standard_output(
    command_line: CommandLine, tiny_model: TinyModel, tmp_path: Path
) -> None:
    out = tmp_path / "clip.mp4"
    code, output, errors = command_line.call(
        "render", "--prompt", "x", "--model", tiny_model("t2v"), *SMALL, "--out", out
    )
    assert (code, output) == (0, f"{out}\n")
    assert "Create frames 2/2" in errors


def test_that_changes_to_the_request_are_said(command_line: CommandLine, tiny_model: TinyModel, tmp_path: Path) -> None:
    _, events = command_line.events(
        "render", "--prompt", "x", "--model", tiny_model("t2v"), "--width", 70, "--height", 64, "--num-frames", 4,
        "--num-inference-steps", 1, "--guidance-scale", 99, "--out", tmp_path / "clip.mp4",
    )  # fmt: skip
    adjusted = {event["field"]: event["message"] for event in events if event["event"] == "adjusted"}
    assert adjusted.keys() == {"size", "num_frames", "guidance_scale"}
    assert "70 x 64 -> 64 x 64" in adjusted["size"]


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["--prompt", ""], "prompt-empty", 1),
        (["--prompt", "x", "--model", "nothing"], "model-not-found", 1),
        (["--prompt", "x", "--model", "wan2.2-ti2v-5b"], "model-not-found", 1),
        (["--prompt", "x", "--image", "nothing.png"], "image-unreadable", 1),
        (["--prompt", "x", "--out", "clip.avi"], "input-invalid", 1),
        (["--prompt", "x", "--guidance-scale", "nan"], "request-impossible", 1),
        (["--prompt", "x", "--variant", "Q9_0"], "request-impossible", 1),
        (["--prompt", "x", "--width", "wide"], "usage", 2),
        (["--prompt", "x", "--colour", "red"], "usage", 2),
    ],
    ids=lambda value: str(value),
)
def test_that_every_refusal_has_code_cause_and_next_step(
    command_line: CommandLine, tmp_path: Path, arguments: list[str], code: str, exit_code: int
) -> None:
    found, events = command_line.events("render", "--out", tmp_path / "clip.mp4", *arguments)
    assert found == exit_code
    error = events[-1]
    assert (error["event"], error["code"]) == ("error", code)
    assert error["message"]
    assert error["hint"]
    assert not list(tmp_path.glob("*.mp4"))


def test_that_a_home_that_cannot_be_made_is_said(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    command_line.environment["WAN_DESKTOP_HOME"] = str(tmp_path / "file" / "home")
    code, events = command_line.events("render", "--prompt", "x", "--out", tmp_path / "clip.mp4")
    assert code == 1
    assert "WAN_DESKTOP_HOME" in events[-1]["hint"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_that_ctrl_c_cancels_cleanly(command_line: CommandLine, tiny_model: TinyModel, tmp_path: Path) -> None:
    arguments = ["--width", 64, "--height", 64, "--num-frames", 201, "--num-inference-steps", 100]
    process = command_line.start(
        "render", "--prompt", "x", "--model", tiny_model("t2v"), *arguments, "--out", tmp_path / "clip.mp4", "--json"
    )
    with process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1].get("stage") == "create_frames" and lines[-1]["done"] == 2:
                process.send_signal(signal.SIGINT)
                break
        kill = threading.Timer(60, process.kill)
        kill.start()
        lines += [json.loads(line) for line in process.stdout]
        kill.cancel()
        assert process.wait() == 130
    assert (lines[-1]["event"], lines[-1]["code"]) == ("error", "cancelled")
    assert list(tmp_path.glob("*clip*")) == []


@pytest.mark.parametrize("arguments", [["--help"], ["render", "--help"]], ids=" ".join)
def test_that_help_shows_examples(command_line: CommandLine, arguments: list[str]) -> None:
    code, output, _ = command_line.call(*arguments)
    assert code == 0
    assert "examples:" in output
    assert '--prompt "a red circle' in output


def test_that_the_version_is_said(command_line: CommandLine) -> None:
    code, output, _ = command_line.call("--version")
    assert code == 0
    assert output.startswith("Wan Desktop 0.")


def test_that_prompts_stay_out_of_the_log(command_line: CommandLine, tiny_model: TinyModel, tmp_path: Path) -> None:
    command_line.call(
        "render", "--prompt", "a red secretword", "--model", tiny_model("t2v"), *SMALL, "--out", tmp_path / "clip.mp4"
    )
    log = (command_line.home / "logs" / "wan-desktop.log").read_text(encoding="utf-8")
    assert "Engine ready" in log
    assert "secretword" not in log


# main.py has its resources beside it; this has them elsewhere.
OWN_RESOURCES = """
import sys
from pathlib import Path
from wan_desktop.cli import main
from wan_desktop.core.paths import AppPaths
home, resources = Path(sys.argv[1]), Path(sys.argv[2])
if __name__ == "__main__":
    sys.exit(main(sys.argv[3:], AppPaths(data=home, videos=home / "videos", resources=resources)))
"""


@pytest.fixture
def shapes_command(command_line: CommandLine, resources: Path, tmp_path: Path) -> Callable[..., tuple[int, list[Any]]]:
    """Calls the command line with a built-in model whose fp8 variant is missing."""
    own = tmp_path / "resources"
    shutil.copytree(resources / "catalog", own / "catalog")
    shutil.copytree(resources / "models" / "shapes", own / "models" / "shapes")
    from tools.quantize_model import quantize_model  # noqa: PLC0415 - imports torch

    *_, fp8 = quantize_model(own / "models" / "shapes" / "transformer", own / "models" / "shapes-quantized", "shapes")
    fp8.unlink()

    def call(*arguments: object) -> tuple[int, list[Any]]:
        command = [sys.executable, "-c", OWN_RESOURCES, command_line.home, own, *arguments, "--json"]
        run = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=command_line.environment,
            cwd=ROOT,
            timeout=100,
            check=False,
        )
        return run.returncode, [json.loads(line) for line in run.stdout.splitlines()]

    return call


def test_that_a_variant_makes_nearly_the_same_video_and_the_recipe_names_it(
    shapes_command: Callable[..., tuple[int, list[Any]]], tmp_path: Path
) -> None:
    videos, recipes = {}, {}
    for variant in ("", "q8_0", "Q4_0"):
        out = tmp_path / f"video{variant}.mp4"
        code, events = shapes_command(
            "render", "--prompt", "a red circle moving right on a black background", "--seed", 3, "--num-frames", 9,
            "--num-inference-steps", 8, "--variant", variant, "--out", out,
        )  # fmt: skip
        assert (code, events[-1]["event"]) == (0, "done")
        recipes[variant] = read_recipe(out)
        with av.open(str(out)) as container:
            videos[variant] = np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)]).astype(float)
    assert [recipe.request.variant for recipe in recipes.values()] == ["", "Q8_0", "Q4_0"]
    assert len({recipe.revision for recipe in recipes.values()}) == 3
    off = {variant: float(np.abs(video - videos[""]).mean()) for variant, video in videos.items()}
    # Of 255; measured 1.3 and 2.1.
    assert 0 < off["q8_0"] < 8
    assert 0 < off["Q4_0"] < 8


def test_that_a_variant_whose_file_is_missing_is_said(
    shapes_command: Callable[..., tuple[int, list[Any]]], tmp_path: Path
) -> None:
    code, events = shapes_command("render", "--prompt", "x", "--variant", "fp8", "--out", tmp_path / "clip.mp4")
    assert (code, events[-1]["code"]) == (1, "model-files-missing")
    assert "shapes-fp8_e4m3fn_scaled.safetensors" in events[-1]["message"]
    assert events[-1]["hint"]
