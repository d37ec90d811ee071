"""The page Create."""

import time
from collections.abc import Callable

from PySide6.QtWidgets import QDialog

from tools.pictures.acts import Act, Scene, View
from tools.pictures.props import PROMPTS, Props
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.form_check import FormVerdict, MemoryNeed, Verdict
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.prompt_history import PromptHistory
from wan_desktop.core.recommendations import ChangeKind, Recommendation
from wan_desktop.ui.window_keys import WindowKeys

_GB = 10**9
_NOW = (1280, 704, 121)


def _need(needed_gb: float) -> MemoryNeed:
    return MemoryNeed(
        is_video_memory=True,
        needed_bytes=round(needed_gb * _GB),
        free_bytes=round(10.9 * _GB),
        total_bytes=12 * _GB,
        others_bytes=round(0.6 * _GB),
    )


def _smaller(width: int = 832, height: int = 480, num_frames: int = 121) -> Recommendation:
    return Recommendation(
        kind=ChangeKind.REQUEST,
        text="",
        width=width,
        height=height,
        num_frames=num_frames,
        vram_peak_bytes=round(7.9 * _GB),
        seconds_low=240,
        seconds_high=300,
    )


def _prepare(paths: AppPaths, props: Props) -> None:
    history = PromptHistory(paths.data / "prompts.json")
    for prompt in PROMPTS[:6]:
        history.add(prompt)
    props.put_videos(paths.videos, 6)


def _empty(view: View) -> None:
    view.rest(500)  # the recent videos are read
    view.until(lambda: view.create.footer.box is not None)


def _text(view: View) -> None:
    form = view.create.form
    form.change(mode=GenerationMode.T2V)
    form.write_prompt(PROMPTS[0])
    view.until(lambda: form.tokens.text() != "")
    view.rest(300)


def _field_help(view: View) -> None:
    _text(view)
    view.create.form.prompt.setFocus()
    keys = view.window.findChild(WindowKeys)
    assert keys is not None
    keys.helps.show_for(view.create.form.length)
    view.rest(300)


def _image(view: View) -> None:
    keys = view.window.findChild(WindowKeys)
    assert keys is not None
    if keys.helps.card is not None:  # of the scene before
        keys.helps.card.go_back()
    form = view.create.form
    form.change(mode=GenerationMode.TI2V)
    form.image.take(view.props.start_image)
    view.until(lambda: form.state.image is not None)
    view.rest(400)


def _advanced(view: View) -> None:
    page = view.create
    page.form.advanced.set_open(True)
    page.form.avoid.set_open(True)
    view.rest(80)
    page.form_scroll.verticalScrollBar().setValue(page.form_scroll.verticalScrollBar().maximum())


def _fold(view: View) -> None:
    page = view.create
    page.form.advanced.set_open(False)
    page.form.avoid.set_open(False)
    page.form.change(mode=GenerationMode.T2V)
    view.rest(500)
    page.form_scroll.verticalScrollBar().setValue(0)


def _verdict(verdict: Verdict, needed_gb: float, *offers: Recommendation) -> Callable[[View], None]:
    def lead(view: View) -> None:
        _fold(view)
        why = f"It needs {needed_gb} GB." if verdict is Verdict.TOO_BIG else ""
        view.create.footer.show_verdict(FormVerdict(verdict, _need(needed_gb), 420, 520, why, offers), _NOW, 24)

    return lead


def _disabled(view: View) -> None:
    _fold(view)
    view.create.form.write_prompt("")
    view.rest(300)


def _styles(view: View) -> None:
    view.create.form.write_prompt(PROMPTS[0])
    view.create.form.prompt_box.styles.click()
    view.rest(80)


def _history(view: View) -> None:
    view.create.form.prompt_box.styles.click()
    view.create.form.prompt_box.history.click()
    view.rest(150)


def _close_dialogs(view: View) -> None:
    for dialog in view.window.findChildren(QDialog):
        if dialog.isVisible():
            dialog.reject()
    view.rest(30)


def _menu(view: View) -> None:
    _close_dialogs(view)
    view.create.footer.more.click()
    view.rest(80)


def _begin(view: View, cue: str) -> None:
    view.cue(cue)
    view.create.form.write_prompt(PROMPTS[0])
    view.create.form.change(num_inference_steps=30, seed=4)
    view.rest(30)
    view.create.footer.generate.click()
    view.until(lambda: view.create.stage.progress is not None and view.create.rendering)


def _step(view: View, words: str) -> None:
    progress = view.create.stage.progress
    view.until(lambda: words in progress.step.text() or words in progress.headline.text())
    view.rest(150)


def _loading(view: View) -> None:
    if view.create.tools.menu.isVisible():
        view.create.tools.menu.close()
    _begin(view, "load_model 2")
    view.rest(400)


def _first_steps(view: View) -> None:
    view.cue("create_frames 6")
    view.until(lambda: not view.create.stage.progress.picture.image.isNull())
    _step(view, " 6 ")


def _half(view: View) -> None:
    view.cue("create_frames 21")
    _step(view, "21")


def _stall(view: View) -> None:
    progress = view.create.stage.progress
    progress._clock = lambda: time.monotonic() + 300  # as a test would: five minutes without a step
    progress.know_reason("Another program uses 4.1 GB of video memory.")
    progress.tick()


def _paused(view: View) -> None:
    progress = view.create.stage.progress
    progress._clock = time.monotonic
    progress.show_view(progress._view)
    progress.stall.hide()
    progress.pause.click()
    view.until(lambda: progress.headline.text() not in ("", "Pausing") and not progress.stall.isVisible(), 5)
    view.rest(300)


def _building(view: View) -> None:
    view.cue("build_pictures 2")
    view.create.stage.progress.pause.click()
    view.until(lambda: view.create.stage.progress._view.progress.stage == "build_pictures")
    view.rest(150)


def _finished(view: View) -> None:
    view.cue("go")
    stage = view.create.stage
    view.until(lambda: stage.finished is not None and stage.finished.player.clip is not None, 40)
    view.until(lambda: stage.finished.player.index > 2)
    stage.finished.player.set_playing(False)
    view.rest(500)


def _no_memory(view: View) -> None:
    view.cue("oom")
    view.create.footer.generate.click()
    view.until(lambda: view.create.stage.error is not None and not view.create.rendering, 40)
    offers = (_smaller(), _smaller(width=1280, height=704, num_frames=73))
    close = Recommendation(kind=ChangeKind.CLOSE_PROGRAMS, text="", size_bytes=round(1.3 * _GB))
    view.rest(700)  # what the estimator itself has found comes first
    if not view.create.stage.error.offers:
        view.create.tools._on_offers_found((*offers, close))
    view.rest(60)


def _no_memory_details(view: View) -> None:
    view.create.stage.error.details.set_open(True)


def _closing(view: View) -> None:
    _begin(view, "create_frames 21")
    _step(view, "21")
    view.window.close()
    view.rest(150)


def _adds_to_queue(view: View) -> None:
    assert view.window.question is not None
    assert view.window.question.cancel is not None
    view.window.question.cancel.click()
    view.rest(60)
    view.create.form.write_prompt(PROMPTS[3])
    view.rest(250)


def _real_video(view: View) -> None:
    """The built-in model's, as it comes; without the banner of a PC that has no card."""
    page, banners = view.create, view.window.banners
    if banners is not None and banners.close_button is not None:
        banners.close_button.click()
    page.make_sample()
    view.until(lambda: page.stage.finished is not None and page.stage.finished.player.clip is not None, 240)
    view.until(lambda: page.stage.finished.player.index > 2)
    page.stage.finished.player.set_playing(False)
    view.rest(700)


ACTS = (
    Act(
        "create",
        "rtx-4070-12gb-32gb",
        (
            Scene("create_empty", _empty),
            Scene("create_text", _text),
            Scene("create_field_help", _field_help),
            Scene("create_image", _image),
            Scene("create_advanced", _advanced),
            Scene("create_estimate_fits", _verdict(Verdict.FITS, 8.3)),
            Scene("create_estimate_tight", _verdict(Verdict.TIGHT, 10.4)),
            Scene(
                "create_estimate_too_big",
                _verdict(Verdict.TOO_BIG, 12.4, _smaller(), _smaller(width=1280, height=704, num_frames=73)),
            ),
            Scene("create_disabled", _disabled),
            Scene("create_styles", _styles),
            Scene("create_history", _history),
            Scene("create_menu", _menu),
            Scene("create_loading", _loading),
            Scene("create_first_steps", _first_steps),
            Scene("create_half", _half),
            Scene("create_stall", _stall),
            Scene("create_paused", _paused),
            Scene("create_building", _building),
            Scene("create_finished", _finished),
            Scene("create_no_memory", _no_memory),
            Scene("create_no_memory_details", _no_memory_details),
            Scene("window_closing", _closing),
            Scene("create_adds_to_queue", _adds_to_queue),
        ),
        prepare=_prepare,
    ),
    Act("the built-in model", "", (Scene("real_video", _real_video),), builtin=True, real=True),
)
