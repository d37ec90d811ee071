"""What is shown of the engine, for every way in which it can stand."""

from dataclasses import replace
from pathlib import Path

import pytest

from wan_desktop.core.errors import RuntimeDamagedError, RuntimeTestError
from wan_desktop.core.runtime.choice import ChoiceReason, RuntimeChoice
from wan_desktop.core.runtime.lock import RuntimeKind
from wan_desktop.core.runtime.program_engine import Standing
from wan_desktop.core.runtime.runtime_card import (
    DEED_HELP,
    DEED_WORDS,
    Mood,
    RuntimeDeed,
    RuntimeWork,
    WorkKind,
    card_of,
    need_of,
    progress_words,
    size_words,
)
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime
from wan_desktop.core.runtime.runtime_records import RuntimeState
from wan_desktop.core.runtime.runtimes import RuntimeProgress, RuntimeSnapshot
from wan_desktop.core.store.transfer import TransferProgress

NEW, OLD = (InstalledRuntime(Path(name), Path("python"), name) for name in ("new1", "old1"))


def standing(snapshot: RuntimeSnapshot, **changes: object) -> Standing:
    plain = Standing(
        snapshot=snapshot,
        choice=RuntimeChoice(RuntimeKind.WINDOWS_CU130, ChoiceReason.BEST),
        version="2.13.0",
        download_bytes=2_300_000_000,
        room_bytes=7_400_000_000,
        free_bytes=50_000_000_000,
    )
    return replace(plain, **changes)


def absent(**changes: object) -> Standing:
    return standing(RuntimeSnapshot(RuntimeState.ABSENT), **changes)


def ready(snapshot: RuntimeSnapshot, **changes: object) -> Standing:
    in_use = {"kind_in_use": RuntimeKind.WINDOWS_CU130, "version_in_use": "2.12.1", "size_in_use_bytes": 5_600_000_000}
    return standing(snapshot, **in_use | changes)


# Words ---------------------------------------------------------------------------------------------------------------


def test_that_what_is_not_installed_says_what_it_takes() -> None:
    card = card_of(absent(), None)
    assert (card.state, card.mood) == ("not installed", Mood.NOTE)
    assert card.deeds == (RuntimeDeed.INSTALL, RuntimeDeed.FROM_FILE)
    assert card.sentences == (
        "Torch 2.13.0 for NVIDIA cards (CUDA 13). It is the best for your graphics card and its driver.",
        "About 2.3 GB to download. 7.4 GB are needed on the drive until it is done, 50.0 GB are free.",
    )


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (RuntimeChoice(RuntimeKind.WINDOWS_CU126, ChoiceReason.OLD_DRIVER), ("CUDA 12.6", "newer NVIDIA driver")),
        (RuntimeChoice(RuntimeKind.WINDOWS_CU126, ChoiceReason.OLD_CARD), ("CUDA 12.6", "older than")),
        (RuntimeChoice(RuntimeKind.WINDOWS_CPU, ChoiceReason.NO_CARD), ("processor alone", "No NVIDIA card")),
        (RuntimeChoice(RuntimeKind.LINUX_CPU, ChoiceReason.SYSTEM), ("processor alone", "for this system")),
    ],
    ids=lambda value: value.reason if isinstance(value, RuntimeChoice) else "",
)
def test_that_the_choice_is_said_with_its_reason(choice: RuntimeChoice, words: tuple[str, ...]) -> None:
    said = card_of(absent(choice=choice), None).sentences[0]
    assert all(word in said for word in words)


def test_that_a_size_that_an_index_told_is_not_about() -> None:
    known = absent(is_size_known=True, here_bytes=1_300_000_000)
    assert size_words(known) == "1.0 GB to download"
    card = card_of(known, None)
    assert card.state == "not installed, 1.3 GB of 2.3 GB are here"
    assert card.deeds[0] is RuntimeDeed.RESUME
    assert RuntimeDeed.DISCARD in card.deeds


def test_that_a_drive_that_does_not_tell_is_left_out() -> None:
    assert "free" not in card_of(absent(free_bytes=None), None).sentences[1]


def test_that_what_is_in_use_is_named_with_its_size() -> None:
    card = card_of(ready(RuntimeSnapshot(RuntimeState.READY, NEW)), None)
    assert (card.state, card.mood) == ("ready", Mood.GOOD)
    assert card.sentences == ("In use: torch 2.12.1 for NVIDIA cards (CUDA 13), 5.6 GB on the drive.",)
    assert RuntimeDeed.ROLL_BACK not in card.deeds


def test_that_an_older_one_can_be_gone_back_to() -> None:
    card = card_of(ready(RuntimeSnapshot(RuntimeState.READY, NEW, OLD)), None)
    assert card.deeds == (RuntimeDeed.CHECK, RuntimeDeed.REPAIR, RuntimeDeed.FROM_FILE, RuntimeDeed.ROLL_BACK)


def test_that_another_lock_is_told_while_the_old_one_goes_on() -> None:
    found = ready(RuntimeSnapshot(RuntimeState.READY, OLD, is_wanted=False))
    card = card_of(found, None)
    assert card.state == "ready, a newer one is there"
    assert card.deeds[0] is RuntimeDeed.INSTALL
    assert "The old one is used until" in card.sentences[1]
    assert (found.is_usable, found.is_outdated, need_of(found)) == (True, True, "outdated")


def test_that_who_went_back_is_not_asked_again() -> None:
    found = ready(
        RuntimeSnapshot(RuntimeState.READY, OLD, NEW, is_wanted=False, was_refused=True), has_wanted_before=True
    )
    card = card_of(found, None)
    assert (card.state, need_of(found)) == ("ready", "")
    assert "It is still here" in card.sentences[1]
    assert RuntimeDeed.INSTALL in card.deeds
    assert RuntimeDeed.ROLL_BACK not in card.deeds


def test_that_a_damaged_one_is_repaired_first() -> None:
    error = RuntimeDamagedError("It is damaged.", hint="Repair it.")
    found = ready(RuntimeSnapshot(RuntimeState.DAMAGED, NEW, error=error))
    card = card_of(found, None)
    assert (card.state, card.mood, card.error) == ("damaged", Mood.BAD, error)
    assert card.deeds[0] is RuntimeDeed.REPAIR
    assert (found.is_usable, need_of(found)) == (False, "damaged")


def test_that_a_failure_is_shown_beside_what_can_be_done() -> None:
    error = RuntimeTestError("No video.", hint="Look.")
    card = card_of(absent(), None, error)
    assert (card.mood, card.error) == (Mood.BAD, error)
    assert RuntimeDeed.INSTALL in card.deeds


def test_that_another_window_at_work_leaves_nothing_to_press() -> None:
    card = card_of(standing(RuntimeSnapshot(RuntimeState.BUILDING)), None)
    assert card.state == "being installed"
    assert card.deeds == ()


def test_that_nothing_is_known_before_a_look() -> None:
    assert card_of(None, None).state == "checking"
    assert need_of(None) == ""


def test_that_nothing_is_offered_before_the_pc_is_known() -> None:
    card = card_of(absent(is_pc_known=False), None)
    assert (card.state, card.deeds) == ("looking at this PC", ())
    assert need_of(absent(is_pc_known=False)) == ""
    old = ready(RuntimeSnapshot(RuntimeState.READY, OLD, is_wanted=False), is_pc_known=False)
    assert (card_of(old, None).state, need_of(old), old.is_usable) == ("ready", "", True)


# Work ----------------------------------------------------------------------------------------------------------------


def fetching(**changes: object) -> RuntimeWork:
    plain = TransferProgress(500_000_000, 2_000_000_000, 50e6, 90.0, "torch.whl", 4)
    return RuntimeWork(WorkKind.INSTALL, RuntimeProgress(RuntimeState.FETCHING, replace(plain, **changes)))


def test_that_a_download_says_how_far_how_fast_and_how_long() -> None:
    card = card_of(absent(), fetching())
    assert card.bar is not None
    assert card.bar.words == "500 MB of 2.0 GB, 50 MB per second, about 2 min left"
    assert card.bar.percent == 25
    assert card.deeds == (RuntimeDeed.PAUSE, RuntimeDeed.DISCARD)
    assert progress_words(fetching()) == "being downloaded, 25 %"


def test_that_a_download_that_waits_says_why() -> None:
    card = card_of(absent(), fetching(waiting="No connection."))
    assert card.bar is not None
    assert card.bar.words == "500 MB of 2.0 GB. No connection."


@pytest.mark.parametrize(
    ("progress", "state"),
    [
        (None, "waiting to begin"),
        (RuntimeProgress(RuntimeState.FETCHING), "asking where its parts are"),
        (RuntimeProgress(RuntimeState.BUILDING, parts_done=3, parts_total=50), "being put together"),
        (RuntimeProgress(RuntimeState.TESTING), "being tested"),
    ],
    ids=["waits", "asks", "builds", "tests"],
)
def test_that_each_part_of_an_installation_has_its_words(progress: RuntimeProgress | None, state: str) -> None:
    assert card_of(absent(), RuntimeWork(WorkKind.INSTALL, progress)).state == state


def test_that_what_was_asked_to_stop_cannot_be_asked_again() -> None:
    card = card_of(absent(), RuntimeWork(WorkKind.INSTALL, None, is_stopping=True))
    assert (card.state, card.deeds) == ("stopping", ())


def test_that_a_check_and_a_package_have_counts() -> None:
    check = card_of(absent(), RuntimeWork(WorkKind.CHECK, (10, 40))).bar
    package = card_of(absent(), RuntimeWork(WorkKind.FROM_FILE, (1_000_000, 4_000_000))).bar
    assert check is not None
    assert package is not None
    assert (check.words, check.percent) == ("10 of 40 files", 25)
    assert package.words == "1 MB of 4 MB"


def test_that_every_deed_has_a_word_and_an_explanation() -> None:
    assert set(DEED_WORDS) == set(DEED_HELP) == set(RuntimeDeed)
