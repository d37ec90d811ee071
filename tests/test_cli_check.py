"""`check` on the command line: this PC and PCs on paper, in words and as JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TinyModel
from tests.fakes.hardware import PROFILES, path_of
from wan_desktop.cli import main
from wan_desktop.core.paths import AppPaths

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def home(tmp_path: Path, resources: Path) -> AppPaths:
    return AppPaths(data=tmp_path / "data", videos=tmp_path / "videos", resources=resources)


@pytest.fixture
def run(home: AppPaths, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main(["check", *argv, "--json"], home)
        return code, json.loads(capsys.readouterr().out.splitlines()[-1])

    return call


def on(name: str) -> tuple[str, str]:
    return "--hardware", str(path_of(name))


def test_that_the_built_in_model_fits_here(run: Run) -> None:
    code, found = run("shapes")
    assert (code, found["event"]) == (0, "done")
    assert found["plan"]["device"] == "cpu"
    assert found["ram_peak_bytes"] > 0
    assert found["seconds_low"] <= found["seconds_high"]
    assert found["ladder"][0]["variant"] == ""


def test_that_a_model_folder_can_be_asked_about(run: Run, tiny_model: TinyModel) -> None:
    code, found = run(str(tiny_model("ti2v")), "--mode", "ti2v", "--width", "64", "--height", "64", "--num-frames", "9")
    assert (code, found["fit"]) == (0, "slow")


def test_that_another_pc_can_be_tried_on_paper(run: Run) -> None:
    code, found = run("wan2.2-ti2v-5b", *on("rtx-4090-24gb-64gb"))
    assert (code, found["level"]) == (0, "fully-compatible")
    assert found["vram_peak_bytes"] < 24e9
    assert {"level", "issues", "recommendations", "vram_peak_bytes", "ram_peak_bytes", "disk_bytes"} <= found.keys()
    assert {"seconds_low", "seconds_high", "plan", "ladder"} <= found.keys()


def test_that_what_does_not_fit_says_why_and_what_would(run: Run) -> None:
    card = on("rtx-3070-8gb-32gb")
    code, found = run("wan2.2-t2v-a14b", "--width", "1280", "--height", "720", *card)
    assert (code, found["level"]) == (1, "incompatible")
    issue = next(issue for issue in found["issues"] if issue["severity"] == "blocks")
    assert issue["needed"] > issue["available"]
    change = found["recommendations"][0]
    assert change["kind"] == "request"
    names = {"width": "--width", "height": "--height", "num_frames": "--num-frames"}
    size = [word for name, option in names.items() for word in (option, str(change[name]))]
    code, found = run("wan2.2-t2v-a14b", *size, *card)
    assert code == 0


def test_that_more_steps_take_longer(run: Run) -> None:
    few, many = (
        run("wan2.1-t2v-1.3b", "--num-inference-steps", steps, *on("rtx-4090-24gb-64gb"))[1] for steps in ("10", "50")
    )
    assert few["seconds_low"] < many["seconds_low"]


@pytest.mark.parametrize("name", PROFILES)
def test_that_every_pc_on_paper_gets_an_answer(run: Run, name: str) -> None:
    for model in ("wan2.1-t2v-1.3b", "wan2.2-ti2v-5b", "wan2.2-i2v-a14b"):
        mode = ("--mode", "i2v") if "i2v" in model else ()
        code, found = run(model, *mode, *on(name))
        assert (code == 1) == (found["level"] == "incompatible")
        assert found["level"] != "incompatible" or any(issue["severity"] == "blocks" for issue in found["issues"])


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("nothing",), "model-not-found"),
        (("wan2.2-ti2v-5b", "--variant", "Q99"), "request-impossible"),
        (("wan2.2-ti2v-5b", "--hardware", "nowhere.json"), "hardware-file"),
    ],
)
def test_that_rubbish_is_refused(run: Run, argv: tuple[str, ...], code: str) -> None:
    exit_code, found = run(*argv)
    assert (exit_code, found["code"]) == (1, code)


def test_that_people_are_told_in_words(home: AppPaths, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "wan2.2-ti2v-5b", *on("rtx-4090-24gb-64gb")], home) == 0
    said = capsys.readouterr().out
    assert "fully-compatible" in said
    assert "GB" in said
