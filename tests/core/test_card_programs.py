"""Programs on the card: Windows' counters as text, which adapter is which card, and who is named how."""

import io
import json
import threading
from dataclasses import replace

import psutil
import pytest

from tests.fakes.hardware import FakeNvml, load
from tests.fakes.hardware.nvml import OWN_PROCESS, FakeProcesses
from wan_desktop.core.card_programs import (
    CardProgram,
    Processes,
    Usage,
    luid_of,
    named_sizes,
    others,
    programs_of,
    shown_name,
    usages_of,
)
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.nvml import NvmlAnswer, ask_nvml, main
from wan_desktop.core.records import from_plain

BUSY, LINUX, TWO_CARDS = "rtx-4080-16gb-32gb-busy", "rtx-3090-24gb-64gb-linux", "rtx-4090-and-3060-64gb"
CARD, WITHIN = "0x00000000_0x0000c48e", "0x00000000_0x00009999"


def asked(profile: HardwareProfile, *own: int) -> NvmlAnswer:
    """What NVML and Windows' counters tell of a PC on paper."""
    fake = FakeNvml(profile)
    return ask_nvml(
        fake,
        own_processes=own,
        usages=lambda: usages_of(fake.counters()),
        processes=Processes(FakeProcesses(profile)),
    )


def test_that_instances_of_the_counter_are_understood() -> None:
    found = usages_of(
        [
            ("pid_1234_luid_0x00000000_0x0000C48E_phys_0", 500),
            ("pid_1234_luid_0x00000000_0x0000C48E_phys_1", 20),  # linked cards count as one adapter
            ("PID_7_LUID_0x00000000_0x00009999_PHYS_0", 3),
        ]
    )
    assert found == [Usage(1234, CARD, 520), Usage(7, WITHIN, 3)]


@pytest.mark.parametrize(
    "name",
    [
        *("", "_Total", "pid_", "pid_x_luid_0x0_0x1_phys_0", "pid_1_luid_0x0_0x1", "pid_1_luid_0x0_0x1_phys_0_eng_3"),
        *("pid_-1_luid_0x0_0x1_phys_0", "1234", "pid_1_luid_0x0_0xZZ_phys_0", "pid_1_luid_0_1_phys_0\n"),
    ],
)
def test_that_other_instances_are_left_out(name: str) -> None:
    assert usages_of([(name, 100)]) == []


def test_that_a_process_that_holds_nothing_is_left_out() -> None:
    assert usages_of([("pid_1_luid_0x00000000_0x0000C48E_phys_0", 0)]) == []


def test_that_the_adapter_of_a_card_is_the_one_that_is_as_full() -> None:
    usages = [Usage(1, WITHIN, 400), Usage(2, CARD, 9_000), Usage(1, CARD, 500)]
    assert luid_of(usages, 9_600, (), ()) == CARD
    assert luid_of(usages, 300, (), ()) == WITHIN
    assert luid_of(usages, 300, (2,), ()) == CARD
    assert luid_of(usages, 420, (), (CARD,)) == WITHIN
    assert luid_of(usages, 9_600, (), (CARD,)) == ""  # the one within the processor is no such card
    assert luid_of([], 9_600, (), ()) == ""


def test_that_processes_of_one_name_are_one_program_and_the_largest_is_first() -> None:
    held = {1: 300_000_000, 2: 900_000_000, 3: 800_000_000, 4: None, 5: 1000, 6: None, 7: None}
    names = {1: "dwm", 2: "chrome", 3: "chrome", 5: "tiny"}
    found = programs_of(held, {4}, lambda process_id: names.get(process_id, ""))
    assert found == (
        CardProgram("chrome", 1_700_000_000, (2, 3)),
        CardProgram("dwm", 300_000_000, (1,)),
        CardProgram("", None, (6,)),
        CardProgram("", None, (7,)),
        CardProgram("Wan Desktop", None, (4,), is_own=True),
    )


def test_that_the_desktop_and_this_program_are_not_to_be_closed() -> None:
    desktop, game = CardProgram("dwm", 10**9, (1,)), CardProgram("game", 8_200_000_000, (2,))
    own, unknown = CardProgram("Wan Desktop", 10**9, (3,), is_own=True), CardProgram("", None, (77,))
    assert others((own, desktop, game, unknown)) == (game, unknown)
    assert named_sizes((own, desktop, game, unknown)) == "game 8.2 GB, Process 77"
    assert [shown_name(each) for each in (desktop, game, unknown)] == ["The desktop (dwm)", "game", "Process 77"]
    assert named_sizes((own, desktop)) == ""


def test_that_what_windows_hides_from_nvml_is_counted_and_named() -> None:
    profile = load(BUSY)
    (gpu,) = asked(profile).gpus
    assert gpu == profile.gpus[0]
    assert [(each.name, each.vram_bytes) for each in gpu.programs][:2] == [
        ("game", 8_200_000_000),
        ("chrome", 1_100_000_000),
    ]


def test_that_the_engine_is_not_counted_as_another_program_on_windows_either() -> None:
    profile = load(BUSY)
    engine = CardProgram("python", 2_000_000_000, (OWN_PROCESS,), is_own=True)
    card = replace(profile.gpus[0], programs=(engine, *profile.gpus[0].programs))
    (gpu,) = asked(replace(profile, gpus=(card,)), OWN_PROCESS).gpus
    assert gpu.used_by_others_bytes == card.used_by_others_bytes - 2_000_000_000
    assert [each.name for each in gpu.programs if each.is_own] == ["Wan Desktop"]


def test_that_two_cards_have_their_own_programs() -> None:
    profile = load(TWO_CARDS)
    first = CardProgram("game", profile.gpus[0].used_by_others_bytes, (10,))
    second = CardProgram("editor", profile.gpus[1].used_by_others_bytes, (20,))
    cards = (replace(profile.gpus[0], programs=(first,)), replace(profile.gpus[1], programs=(second,)))
    assert [gpu.programs for gpu in asked(replace(profile, gpus=cards)).gpus] == [(first,), (second,)]


def test_that_without_counters_programs_are_named_without_their_memory() -> None:
    profile = load(BUSY)
    (gpu,) = ask_nvml(FakeNvml(profile), processes=Processes(FakeProcesses(profile))).gpus
    assert {(each.name, each.vram_bytes) for each in gpu.programs} == {("game", None), ("chrome", None), ("dwm", None)}
    assert gpu.used_by_others_bytes == profile.gpus[0].used_by_others_bytes


def test_that_nvml_tells_on_linux() -> None:
    (gpu,) = asked(load(LINUX)).gpus
    assert [(each.name, each.vram_bytes) for each in gpu.programs] == [("Xorg", 210_000_000), ("firefox", 120_000_000)]


def _refuse() -> list[tuple[str, int]]:
    raise OSError("Windows' performance counters answer 0xC0000BB8")


@pytest.mark.parametrize("counters", [_refuse, lambda: threading.Event().wait(60) and []], ids=["refused", "hangs"])
def test_that_counters_that_fail_cost_no_card(
    counters: object, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("wan_desktop.core.nvml._COUNTERS_LIMIT_S", 0.05)
    profile, output = load(BUSY), io.StringIO()
    processes = Processes(FakeProcesses(profile))
    assert main([], nvml=FakeNvml(profile), output=output, counters=counters, processes=processes) == 0  # type: ignore[arg-type]
    (gpu,) = from_plain(NvmlAnswer, json.loads(output.getvalue())).gpus
    assert gpu.total_bytes == profile.gpus[0].total_bytes
    assert len(gpu.programs) == 3
    capfd.readouterr()


def test_that_this_process_has_a_name_and_one_that_is_gone_has_none() -> None:
    running = Processes()
    assert running.name(psutil.Process().pid)
    assert running.name(2**22 + 17) == ""
    assert running.own([psutil.Process().pid, 2**22 + 17], [psutil.Process().ppid()]) == {psutil.Process().pid}
