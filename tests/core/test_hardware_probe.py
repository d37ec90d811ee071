"""Asking a PC: every PC on paper, drivers that hang, crash or know little, and this machine."""

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fakes.hardware import PROFILES, Behaviour, FakeNvml, load, nvml_child, pc_of
from tests.fakes.hardware.nvml import OWN_PROCESS
from wan_desktop.core.card_programs import CardProgram
from wan_desktop.core.hardware import (
    Drive,
    DriveKind,
    Gpu,
    HardwareProfile,
    MemoryInfo,
    ProblemCode,
    SystemInfo,
    profile_to_json,
)
from wan_desktop.core.hardware_probe import PROBE_LIMIT_S, probe, this_pc, with_read_speeds
from wan_desktop.core.nvml import ask_nvml
from wan_desktop.core.pc import Pc

DESKTOP, TWO_CARDS, LINUX = "rtx-3060-12gb-32gb", "rtx-4090-and-3060-64gb", "rtx-3090-24gb-64gb-linux"
MISSING = "driver-missing-16gb"


def probed(name: str, folder: Path, behaviour: Behaviour = Behaviour.ANSWERS, **arguments: Any) -> HardwareProfile:
    pc = pc_of(load(name), folder)
    return probe(drives=None, pc=pc, command=nvml_child(name, behaviour), **arguments)


def codes(profile: HardwareProfile) -> list[ProblemCode]:
    return [problem.code for problem in profile.problems]


def child_of(profile: HardwareProfile, folder: Path) -> tuple[str, ...]:
    file = folder / "pc.json"
    file.write_text(profile_to_json(profile), "utf-8")
    return nvml_child(file)


@pytest.mark.parametrize("name", PROFILES)
def test_that_a_pc_on_paper_is_found_as_it_is(name: str, tmp_path: Path) -> None:
    expected = load(name).without_measurements()
    hangs = ProblemCode.DRIVER_NOT_ANSWERING in codes(expected)
    found = probed(name, tmp_path, timeout_s=1.0 if hangs else PROBE_LIMIT_S)
    assert replace(found, probed_at=expected.probed_at, notes=expected.notes) == expected


def test_that_the_time_is_told_in_utc(tmp_path: Path) -> None:
    at = datetime.fromisoformat(probed(DESKTOP, tmp_path).probed_at)
    assert at.utcoffset() == timedelta(0)


def test_that_a_driver_that_hangs_is_killed_with_its_child(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    found = probed(DESKTOP, tmp_path, Behaviour.HANGS, timeout_s=0.5)
    assert codes(found) == [ProblemCode.DRIVER_NOT_ANSWERING]
    assert "0.5 s" in found.problems[0].text
    assert found.gpus == ()
    assert found.memory == load(DESKTOP).memory
    assert set(psutil.Process().children()) == before


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (Behaviour.CRASHES, ProblemCode.PROBE_FAILED),
        (Behaviour.MISMATCH, ProblemCode.DRIVER_FAULT),
        (Behaviour.FAULT, ProblemCode.DRIVER_FAULT),
    ],
)
def test_that_a_broken_driver_is_a_problem_and_no_error(
    behaviour: Behaviour, code: ProblemCode, tmp_path: Path
) -> None:
    found = probed(DESKTOP, tmp_path, behaviour)
    assert (found.gpus, codes(found)) == ((), [code])
    assert found.problems[0].hint


def test_that_a_mismatch_asks_for_a_restart(tmp_path: Path) -> None:
    assert probed(DESKTOP, tmp_path, Behaviour.MISMATCH).problems[0].hint == "Restart the PC."


@pytest.mark.parametrize(
    ("script", "details"),
    [
        ("import sys; sys.exit('no such module')", "no such module"),
        ("print('[1, 2]')", "expected an object"),
        ("print('{')", "JSONDecodeError"),
        ("pass", "IndexError"),
    ],
    ids=["exit", "other-json", "cut", "silent"],
)
def test_that_a_child_that_says_nothing_useful_is_a_problem(script: str, details: str, tmp_path: Path) -> None:
    found = probe(pc=pc_of(load(DESKTOP), tmp_path), command=(sys.executable, "-c", script))
    assert codes(found) == [ProblemCode.PROBE_FAILED]
    assert details in found.problems[0].details


def test_that_a_child_that_cannot_be_started_is_a_problem(tmp_path: Path) -> None:
    found = probe(pc=pc_of(load(DESKTOP), tmp_path), command=(str(tmp_path / "absent"),))
    assert codes(found) == [ProblemCode.PROBE_FAILED]
    assert found.memory == load(DESKTOP).memory


def test_that_what_a_library_prints_does_not_harm(tmp_path: Path) -> None:
    assert probed(DESKTOP, tmp_path, Behaviour.NOISY).gpus == load(DESKTOP).gpus


def test_that_a_grandchild_that_keeps_the_pipe_does_not_hold_the_probe(tmp_path: Path) -> None:
    started = tmp_path / "grandchild"
    script = "import subprocess, sys, pathlib, time\n"
    script += "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    script += f"pathlib.Path({str(started)!r}).write_text(str(child.pid))\ntime.sleep(60)"
    found = probe(pc=pc_of(load(DESKTOP), tmp_path), command=(sys.executable, "-c", script), timeout_s=3.0)
    psutil.Process(int(started.read_text("utf-8"))).kill()
    assert codes(found) == [ProblemCode.DRIVER_NOT_ANSWERING]


# Cards ---------------------------------------------------------------------------------------------------------------


def test_that_a_card_that_knows_little_keeps_what_it_knows() -> None:
    real = load(DESKTOP).gpus[0]
    (gpu,) = ask_nvml(FakeNvml(load(DESKTOP), Behaviour.NO_DETAILS)).gpus
    assert (gpu.uuid, gpu.total_bytes, gpu.free_bytes) == (real.uuid, real.total_bytes, real.free_bytes)
    assert (gpu.compute_capability, gpu.architecture) == ((8, 6), "ampere")
    assert (gpu.pcie_generation, gpu.pcie_lanes, gpu.cuda_cores, gpu.max_clock_mhz) == (0, 0, 0, 0)
    assert gpu.name


@pytest.mark.parametrize(
    ("capability", "architecture"),
    [((5, 2), "maxwell"), ((7, 5), "turing"), ((8, 6), "ampere"), ((8, 9), "ada"), ((12, 0), "blackwell")],
)
def test_that_an_old_driver_does_not_hide_the_architecture(capability: tuple[int, int], architecture: str) -> None:
    profile = load(DESKTOP)
    card = replace(profile.gpus[0], compute_capability=capability)
    (gpu,) = ask_nvml(FakeNvml(replace(profile, gpus=(card,)), Behaviour.NO_DETAILS)).gpus
    assert gpu.architecture == architecture


@pytest.mark.parametrize("behaviour", [Behaviour.LOST_CARD, Behaviour.NO_MEMORY_INFO])
def test_that_one_broken_card_does_not_hide_the_other(behaviour: Behaviour) -> None:
    answer = ask_nvml(FakeNvml(load(TWO_CARDS), behaviour))
    assert [gpu.uuid for gpu in answer.gpus] == [load(TWO_CARDS).gpus[1].uuid]
    assert [problem.code for problem in answer.problems] == [ProblemCode.CARD_UNREADABLE]
    assert "Graphics card 1" in answer.problems[0].text


def test_that_cards_in_another_order_are_the_same_cards() -> None:
    profile = load(TWO_CARDS)
    turned = replace(profile, gpus=profile.gpus[::-1])
    first, second = (ask_nvml(FakeNvml(each)).gpus for each in (profile, turned))
    wanted = profile.gpus[0].uuid
    found: list[Gpu | None] = [replace(profile, gpus=gpus).gpu(wanted) for gpus in (first, second)]
    assert found == [profile.gpus[0]] * 2


def test_that_the_older_memory_question_is_asked_if_the_newer_is_unknown() -> None:
    real = load(DESKTOP).gpus[0]
    (gpu,) = ask_nvml(FakeNvml(load(DESKTOP), Behaviour.OLD_LIBRARY)).gpus
    assert (gpu.total_bytes, gpu.free_bytes) == (real.total_bytes, real.free_bytes)
    assert gpu.used_by_others_bytes > real.used_by_others_bytes


def test_that_what_the_engine_holds_is_not_held_by_others() -> None:
    profile = load(LINUX)
    engine = CardProgram("python3", 1_000_000_000, (OWN_PROCESS,), is_own=True)
    card = replace(profile.gpus[0], used_by_others_bytes=3_000_000_000, programs=(engine,))
    (gpu,) = ask_nvml(FakeNvml(replace(profile, gpus=(card,))), own_processes=[OWN_PROCESS]).gpus
    assert gpu.used_by_others_bytes == 2_000_000_000
    assert gpu.programs == (replace(engine, name="Wan Desktop"),)


def test_that_the_engine_is_counted_where_windows_does_not_tell(tmp_path: Path) -> None:
    command = nvml_child(DESKTOP, Behaviour.ANSWERS, "--own", str(OWN_PROCESS))
    found = probe(pc=pc_of(load(DESKTOP), tmp_path), command=command)
    assert found.gpus == load(DESKTOP).gpus


# What it means -------------------------------------------------------------------------------------------------------


def test_that_no_card_and_no_driver_are_told_apart(tmp_path: Path) -> None:
    assert codes(probed("no-card-laptop-8gb", tmp_path / "1")) == [ProblemCode.NO_CARD]
    assert codes(probed(MISSING, tmp_path / "2")) == [ProblemCode.DRIVER_MISSING]


def test_that_a_driver_without_cards_means_no_card(tmp_path: Path) -> None:
    empty = replace(load(DESKTOP), gpus=())
    found = probe(pc=pc_of(load(DESKTOP), tmp_path), command=child_of(empty, tmp_path))
    assert codes(found) == [ProblemCode.NO_CARD]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rtx-2070-8gb-16gb-old-driver", [ProblemCode.DRIVER_TOO_OLD]),
        ("rtx-2080-ti-11gb-32gb", [ProblemCode.DRIVER_OLD]),
        ("rtx-3060-12gb-16gb-small-page-file", [ProblemCode.PAGE_FILE_SMALL]),
        (DESKTOP, []),
        (TWO_CARDS, []),
    ],
)
def test_that_drivers_and_page_files_are_judged(name: str, expected: list[ProblemCode], tmp_path: Path) -> None:
    assert codes(probed(name, tmp_path)) == expected


def test_that_two_cards_with_one_old_driver_are_one_problem(tmp_path: Path) -> None:
    profile = load(TWO_CARDS)
    old = replace(profile, gpus=tuple(replace(gpu, cuda_version=(11, 8)) for gpu in profile.gpus))
    found = probe(pc=pc_of(old, tmp_path), command=child_of(old, tmp_path))
    assert codes(found) == [ProblemCode.DRIVER_TOO_OLD]


# Drives --------------------------------------------------------------------------------------------------------------


class _SlowPc(Pc):
    """A PC with a drive that never answers until it is told to, one that is gone, and one that is well."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def memory(self) -> MemoryInfo:
        return MemoryInfo(1, 1, 1, 0, 0)

    def system(self) -> SystemInfo:
        return SystemInfo("linux", "", "", 1, 1, False, None, False)

    def has_nvidia_card(self) -> bool | None:
        return None

    def local_drives(self) -> list[str]:
        raise PermissionError(13, "Permission denied")

    def drive(self, path: str) -> Drive:
        if path == "/nas":
            self.released.wait()
        if path == "/gone":
            raise FileNotFoundError(2, "No such device")
        return Drive("/", DriveKind.SSD, "ext4", 100, 50)


@pytest.fixture
def slow_pc() -> Iterator[_SlowPc]:
    pc = _SlowPc()
    yield pc
    pc.released.set()


def test_that_a_drive_that_does_not_answer_holds_nobody(slow_pc: _SlowPc) -> None:
    paths = [Path("/nas"), Path("/gone"), Path("/a"), Path("/b")]
    found = probe(drives=paths, pc=slow_pc, command=nvml_child(DESKTOP), timeout_s=0.5)
    assert [drive.path for drive in found.drives] == ["/"]
    texts = [problem.text for problem in found.problems if problem.code == ProblemCode.DRIVE_NOT_ANSWERING]
    assert texts == ["/nas cannot be looked at: no answer in time.", "/gone cannot be looked at: No such device."]


def test_that_a_list_of_drives_that_is_refused_is_a_problem(slow_pc: _SlowPc) -> None:
    found = probe(drives=None, pc=slow_pc, command=nvml_child(DESKTOP))
    assert found.drives == ()
    assert codes(found) == [ProblemCode.DRIVE_NOT_ANSWERING]
    assert "Permission denied" in found.problems[0].text


def test_that_no_drive_is_asked_unless_wanted(slow_pc: _SlowPc) -> None:
    assert probe(pc=slow_pc, command=nvml_child(DESKTOP)).drives == ()


def test_that_a_card_that_is_too_hot_says_so() -> None:
    profile = load(DESKTOP)
    hot = replace(profile.gpus[0], temperature_c=91, slowed_by_heat=True)
    (gpu,) = ask_nvml(FakeNvml(replace(profile, gpus=(hot,)))).gpus
    assert (gpu.temperature_c, gpu.slowed_by_heat) == (91, True)
    (gpu,) = ask_nvml(FakeNvml(replace(profile, gpus=(hot,)), Behaviour.NO_DETAILS)).gpus
    assert (gpu.temperature_c, gpu.slowed_by_heat) == (0, False)


# This machine --------------------------------------------------------------------------------------------------------


def test_that_this_machine_can_be_asked(tmp_path: Path) -> None:
    found = probe(drives=(tmp_path / "not" / "there" / "yet",))
    assert found.gpus or found.problems
    assert 0 < found.memory.available_bytes <= found.memory.total_bytes
    assert found.memory.total_bytes == psutil.virtual_memory().total
    assert found.system.logical_cores == os.cpu_count()
    assert len(found.drives) == 1
    assert str(tmp_path.resolve()).startswith(found.drives[0].path)
    assert found.drives[0].free_bytes <= found.drives[0].total_bytes


def test_that_a_drive_is_measured_in_the_programs_folder(tmp_path: Path) -> None:
    drive = this_pc().drive(str(tmp_path))
    profile = replace(load(LINUX), drives=(drive,))
    (measured,) = with_read_speeds(profile, [tmp_path, tmp_path / "absent"]).drives
    assert measured.read_bytes_per_s is not None
    assert replace(measured, read_bytes_per_s=None) == drive
    assert list(tmp_path.iterdir()) == []
