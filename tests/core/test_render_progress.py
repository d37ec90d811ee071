"""How far, and how long still."""

import pytest

from wan_desktop.core.messages import Paused, Preview, Progress, Resumed, Stage
from wan_desktop.core.render_progress import ProgressTracker, RenderProgress


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Render:
    """A render told to a tracker, second by second."""

    def __init__(self, known: dict[Stage, float] | None = None) -> None:
        self.clock = Clock()
        self.tracker = ProgressTracker(known or {}, self.clock)

    def at(self, seconds: float, stage: Stage, done: int, total: int, part: int = 1) -> RenderProgress:
        """Time passes, then a message comes."""
        self.clock.now += seconds
        return self.tracker.follow(Progress(job="j", stage=stage, done=done, total=total, part=part, parts=2))


def test_that_nothing_is_guessed_before_two_steps() -> None:
    render = Render()
    assert render.at(0, Stage.LOAD_MODEL, 0, 1).seconds_left is None
    assert render.at(5, Stage.CREATE_FRAMES, 0, 10).seconds_left is None
    assert render.at(2, Stage.CREATE_FRAMES, 1, 10).seconds_left is None
    assert render.at(2, Stage.CREATE_FRAMES, 2, 10).seconds_left == pytest.approx(16)


def test_that_the_median_of_the_last_five_steps_counts() -> None:
    render = Render()
    render.at(0, Stage.CREATE_FRAMES, 0, 20)
    for step, seconds in enumerate((50, 2, 2, 2, 2), 1):
        progress = render.at(seconds, Stage.CREATE_FRAMES, step, 20)
    assert progress.seconds_per_step == 2
    assert progress.seconds_left == pytest.approx(30)


def test_that_later_stages_known_from_the_last_run_are_added() -> None:
    render = Render({Stage.BUILD_PICTURES: 7.0, Stage.SAVE_VIDEO: 1.0, Stage.LOAD_MODEL: 99.0})
    render.at(0, Stage.CREATE_FRAMES, 0, 4)
    render.at(1, Stage.CREATE_FRAMES, 1, 4)
    assert render.at(1, Stage.CREATE_FRAMES, 2, 4).seconds_left == pytest.approx(2 + 8)


def test_that_growing_time_is_called_slower_than_expected() -> None:
    render = Render()
    render.at(0, Stage.CREATE_FRAMES, 0, 50)
    for step in range(1, 4):
        assert not render.at(1, Stage.CREATE_FRAMES, step, 50).slower_than_expected
    for step in range(4, 9):
        progress = render.at(4, Stage.CREATE_FRAMES, step, 50)
    assert progress.slower_than_expected


def test_that_finished_stages_keep_their_time() -> None:
    render = Render()
    render.at(0, Stage.LOAD_MODEL, 0, 1)
    render.at(18, Stage.READ_PROMPT, 0, 1)
    progress = render.at(4, Stage.CREATE_FRAMES, 0, 30)
    assert dict(progress.stage_seconds) == {Stage.LOAD_MODEL: 18, Stage.READ_PROMPT: 4}
    assert progress.elapsed_s == 22


def test_that_the_last_preview_stays() -> None:
    render = Render()
    render.tracker.follow(Preview("j", 1, "picture"))
    assert render.at(1, Stage.CREATE_FRAMES, 2, 5, part=2).preview_jpeg_base64 == "picture"


def test_that_steps_that_come_two_at_once_are_shared() -> None:
    render = Render()
    render.at(0, Stage.CREATE_FRAMES, 0, 10)
    render.at(4, Stage.CREATE_FRAMES, 2, 10)
    assert render.at(4, Stage.CREATE_FRAMES, 4, 10).seconds_per_step == 2


def test_that_time_left_is_never_negative() -> None:
    render = Render({Stage.SAVE_VIDEO: 1.0, Stage.BUILD_PICTURES: 2.0})
    render.at(0, Stage.BUILD_PICTURES, 0, 5)
    assert render.at(60, Stage.BUILD_PICTURES, 1, 5).seconds_left == pytest.approx(1.0)
    render.at(0, Stage.SAVE_VIDEO, 0, 1)
    assert render.at(60, Stage.SAVE_VIDEO, 0, 1).seconds_left == 0


def test_that_the_clock_stands_still_while_a_render_is_paused() -> None:
    render = Render()
    render.at(0, Stage.CREATE_FRAMES, 0, 10)
    for step in range(1, 5):
        before = render.at(2, Stage.CREATE_FRAMES, step, 10)
    render.clock.now += 1
    paused = render.tracker.follow(Paused(job="j", step=4, total=10))
    assert paused.paused
    assert paused.elapsed_s == pytest.approx(before.elapsed_s + 1)
    render.clock.now += 3600
    resumed = render.tracker.follow(Resumed(job="j", step=4, total=10))
    assert not resumed.paused
    assert resumed.elapsed_s == pytest.approx(paused.elapsed_s)
    assert resumed.seconds_left == pytest.approx(12)
    after = render.at(1, Stage.CREATE_FRAMES, 5, 10)
    assert after.seconds_per_step == pytest.approx(2)
    assert after.seconds_left == pytest.approx(10)
    assert not after.slower_than_expected
    assert render.at(2, Stage.BUILD_PICTURES, 0, 1).stage_seconds[-1] == (Stage.CREATE_FRAMES, pytest.approx(12))
