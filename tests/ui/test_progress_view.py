"""What a render shows while it runs, with a clock that is moved by hand."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.fakes.requests import make_request
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.generation import Adjustment, Settled
from wan_desktop.core.messages import Stage
from wan_desktop.core.render_progress import RenderProgress
from wan_desktop.ui.create.progress_view import ProgressView, percent_of
from wan_desktop.ui.create.rendering import RenderView
from wan_desktop.ui.widgets.stage_tracker import StageState

REQUEST = make_request(num_inference_steps=30)
STEPS = RenderProgress(
    stage=Stage.CREATE_FRAMES, done=14, total=30, elapsed_s=128.0, seconds_per_step=11.8, seconds_left=220.0
)


class Clock:
    """Seconds that pass when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def view(qtbot: QtBot, clock: Clock) -> ProgressView:
    made = ProgressView(clock=clock)
    qtbot.addWidget(made)
    made.resize(800, 600)
    made.begin(64, 64)
    return made


def shown(progress: RenderProgress | None, mode: GenerationMode = GenerationMode.T2V, *notes: str) -> RenderView:
    """A render's view."""
    adjustments = tuple(Adjustment("size", note) for note in notes)
    return RenderView(Settled(replace(REQUEST, mode=mode), adjustments), Path("v.mp4"), progress)


def test_that_the_card_tells_stage_step_and_time(view: ProgressView) -> None:
    view.show_view(shown(STEPS))
    assert view.headline.text() == "Creating frames"
    assert view.step.text() == "step 14 of 30"
    assert view.left.text() == "about 3 min 40 s left"
    assert view.facts.text() == "Running for 2 min 10 s  ·  11.8 s per step"


def test_that_another_way_of_loading_is_told(view: ProgressView) -> None:
    view.show_view(shown(STEPS, GenerationMode.T2V, "100 x 50 -> 96 x 64"))
    view.show_view(shown(replace(STEPS, notice="Saving memory, this will be slower."), GenerationMode.T2V, "a note"))
    assert view.notes.text() == "a note\nSaving memory, this will be slower."
    assert view.notes.isVisibleTo(view)


def test_that_time_runs_on_between_two_messages(view: ProgressView, clock: Clock) -> None:
    view.show_view(shown(STEPS))
    clock.now += 100
    view.tick()
    assert view.left.text() == "about 2 min left"
    clock.now += 200
    view.tick()
    assert view.left.text() == "finishing soon"


def test_that_it_measures_before_it_guesses(view: ProgressView) -> None:
    view.show_view(shown(replace(STEPS, done=1, seconds_left=None, seconds_per_step=None)))
    assert view.left.text() == "measuring"


def test_that_a_slow_render_is_told(view: ProgressView) -> None:
    view.show_view(shown(replace(STEPS, slower_than_expected=True)))
    assert view.left.text().startswith("slower than expected")


def test_that_memory_is_told_only_when_it_is_known(view: ProgressView) -> None:
    view.show_view(shown(replace(STEPS, peak_memory_bytes=7_600_000_000)))
    assert "peak video memory 7.6 GB" in view.facts.text()


def test_that_the_image_stage_is_there_for_images_only(view: ProgressView) -> None:
    view.show_view(shown(STEPS))
    assert "Prepare image" not in [cell.name for cell in view.tracker.cells]
    view.show_view(shown(STEPS, GenerationMode.I2V))
    assert "Prepare image" in [cell.name for cell in view.tracker.cells]


def test_that_two_experts_show_their_part(view: ProgressView) -> None:
    view.show_view(shown(replace(STEPS, part=2, parts=2)))
    assert view.step.text() == "step 14 of 30  ·  part 2 of 2"


def test_that_stages_are_over_now_or_to_come(view: ProgressView) -> None:
    view.show_view(shown(replace(STEPS, stage_seconds=((Stage.LOAD_MODEL, 18.0),))))
    states = [cell.state for cell in view.tracker.cells]
    assert states == [StageState.OVER, StageState.OVER, StageState.NOW, StageState.LATER, StageState.LATER]
    assert view.tracker.cells[0].caption == "18 s"


def test_that_notes_of_the_settling_are_shown(view: ProgressView) -> None:
    view.show_view(shown(None, GenerationMode.T2V, "100 x 50 -> 96 x 64"))
    assert view.notes.text() == "100 x 50 -> 96 x 64"


def test_that_a_standstill_is_noticed_and_can_be_waited_for(view: ProgressView, clock: Clock) -> None:
    view.show_view(shown(replace(STEPS, seconds_per_step=20.0)))
    clock.now += 79
    view.tick()
    assert view.stall.isHidden()
    clock.now += 2
    view.tick()
    assert not view.stall.isHidden()
    view.wait.click()
    assert view.stall.isHidden()
    clock.now += 30
    view.tick()
    assert view.stall.isHidden()
    clock.now += 40
    view.tick()
    assert not view.stall.isHidden()
    view.show_view(shown(replace(STEPS, done=15)))
    assert view.stall.isHidden()


def test_that_rubbish_for_a_preview_is_ignored(view: ProgressView) -> None:
    view.show_view(shown(replace(STEPS, preview_jpeg_base64="!")))
    view.show_view(shown(replace(STEPS, preview_jpeg_base64="AAAA")))
    assert view.picture.image.isNull()


def test_that_percent_never_falls_and_never_says_all() -> None:
    order = [RenderProgress(stage=stage, done=done, total=10) for stage in Stage for done in range(11)]
    percents = [percent_of(progress) for progress in order]
    assert percents == sorted(percents)
    assert percents[-1] == 99


SLOW = replace(STEPS, done=15, last_step_s=40.0, usual_step_s=11.8)


def test_that_a_render_that_is_much_slower_than_expected_says_why_and_can_be_waited_for(
    qtbot: QtBot, view: ProgressView
) -> None:
    view.show_view(shown(STEPS))
    assert view.stall.isHidden()
    view.know_reason("The graphics card is too hot.")
    view.show_view(shown(SLOW))
    assert not view.stall.isHidden()
    assert view.stall_words.text() == "Rendering is much slower than expected. The graphics card is too hot."
    view.show_view(shown(replace(SLOW, done=16)))
    assert not view.stall.isHidden(), "it does not flicker with each step"
    qtbot.mouseClick(view.wait, Qt.MouseButton.LeftButton)
    assert view.stall.isHidden()
    view.show_view(shown(replace(SLOW, done=17)))
    assert view.stall.isHidden(), "the user has said that it is fine"


def test_that_the_notice_goes_when_the_render_is_as_fast_as_before(view: ProgressView) -> None:
    view.show_view(shown(STEPS))
    view.show_view(shown(SLOW))
    view.show_view(shown(replace(SLOW, done=16, last_step_s=12.0)))
    assert view.stall.isHidden()
