"""What the system is told while nobody looks, and which progress it shows."""

import pytest

from wan_desktop.core.notifications import TITLES, Event, QueueEvents, ToldEvents, is_wanted
from wan_desktop.core.settings import Settings
from wan_desktop.core.taskbar_progress import ProgressKind, Running, taskbar_progress


def test_that_every_event_has_a_title() -> None:
    assert set(TITLES) == set(Event)


@pytest.mark.parametrize(
    ("setting", "events"),
    [
        ("notify_done", {Event.VIDEO_READY, Event.QUEUE_DONE}),
        ("notify_problems", {Event.NEEDS_YOU}),
        ("notify_downloads", {Event.DOWNLOAD_DONE, Event.DOWNLOAD_FAILED}),
    ],
)
def test_that_each_setting_keeps_its_events_back(setting: str, events: set[Event]) -> None:
    settings = Settings().with_changes(**{setting: False})
    assert {event for event in Event if not is_wanted(event, settings)} == events


def test_that_each_event_is_told_once_until_somebody_looks() -> None:
    told = ToldEvents()
    assert [told.take(event) for event in (Event.NEEDS_YOU, Event.NEEDS_YOU, Event.QUEUE_DONE)] == [True, False, True]
    told.looked()
    assert told.take(Event.NEEDS_YOU)


def test_that_a_queue_is_one_event() -> None:
    events = QueueEvents()
    assert events.at_rest(busy=False) is None
    events.video_done()
    assert events.at_rest(busy=True) is None
    events.video_done()
    assert events.at_rest(busy=False) is Event.QUEUE_DONE
    assert events.at_rest(busy=False) is None
    events.video_done()
    assert events.at_rest(busy=False) is Event.VIDEO_READY


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        (Running(), (ProgressKind.NONE, None)),
        (Running(rendering=True), (ProgressKind.UNKNOWN, None)),
        (Running(rendering=True, render_percent=47), (ProgressKind.USUAL, 47)),
        (Running(rendering=True, render_percent=47, render_paused=True), (ProgressKind.PAUSED, 47)),
        (Running(rendering=True, render_paused=True), (ProgressKind.PAUSED, 100)),
        (Running(rendering=True, render_percent=47, downloads=((1, 2),)), (ProgressKind.USUAL, 47)),
        (Running(downloads=((10, 40), (30, 40))), (ProgressKind.USUAL, 50)),
        (Running(downloads=((10, 40), (0, 0))), (ProgressKind.UNKNOWN, None)),
        (Running(downloads=((50, 40),)), (ProgressKind.USUAL, 100)),
        (Running(paused=True), (ProgressKind.PAUSED, 100)),
        (Running(paused=True, downloads=((1, 4),)), (ProgressKind.USUAL, 25)),
        (Running(rendering=True, render_percent=3, failed=True), (ProgressKind.ERROR, 100)),
    ],
)
def test_that_the_taskbar_shows_what_matters_most(running: Running, expected: tuple[ProgressKind, int | None]) -> None:
    assert taskbar_progress(running) == expected
