"""The wizard of the first start."""

from typing import Any

from tools.pictures.acts import Act, Scene, View
from wan_desktop.core.words import tr

_WELCOME, _PC, _PLACE, _SPEED, _MODEL, _READY = range(6)


def _wizard(view: View) -> Any:
    view.until(lambda: view.window.wizard is not None and view.window.wizard.isVisible())
    return view.window.wizard


def _welcome(view: View) -> None:
    step = _wizard(view).steps[_WELCOME]
    view.until(lambda: step.engine.words.text() != "")
    view.rest(400)


def _pc(view: View) -> None:
    wizard = _wizard(view)
    wizard.show_step(_PC)
    step = wizard.steps[_PC]
    view.until(lambda: bool(step.rows.rows))
    view.until(lambda: step.sentence.text() != tr("Finding out what it can make"))
    view.rest(100)


def _place(view: View) -> None:
    wizard = _wizard(view)
    wizard.show_step(_PLACE)
    view.until(lambda: bool(wizard.steps[_PLACE].rows))


def _cloud(view: View) -> None:
    _place(view)
    _wizard(view).steps[_PLACE].take_folder(view.paths.data / "OneDrive" / "Models")
    view.rest(60)


def _speed(view: View) -> None:
    _wizard(view).show_step(_SPEED)


def _speed_running(view: View) -> None:
    view.cue("speed")
    step = _wizard(view).steps[_SPEED]
    step.run_test()
    view.rest(400)


def _speed_done(view: View) -> None:
    view.cue("go")
    step = _wizard(view).steps[_SPEED]
    view.until(lambda: step.result.isVisible())
    view.rest(100)


def _speed_failed(view: View) -> None:
    view.cue("fail")
    _speed(view)
    step = _wizard(view).steps[_SPEED]
    step.run_test()
    view.until(lambda: not step.stop.isVisible())
    view.rest(100)


def _model(view: View) -> None:
    wizard = _wizard(view)
    wizard.show_step(_MODEL)
    view.until(lambda: bool(wizard.steps[_MODEL].rows))
    view.rest(600)  # until the models are judged for the PC


def _ready(view: View) -> None:
    _wizard(view).show_step(_READY)
    view.rest(100)


ACTS = (
    Act(
        "wizard",
        "rtx-4070-12gb-32gb",
        (
            Scene("wizard_1_welcome", _welcome),
            Scene("wizard_2_pc", _pc),
            Scene("wizard_3_place", _place),
            Scene("wizard_4_speed", _speed),
            Scene("wizard_4_speed_running", _speed_running),
            Scene("wizard_4_speed_done", _speed_done),
            Scene("wizard_5_model", _model),
            Scene("wizard_6_ready", _ready),
        ),
        wizard=True,
    ),
    Act(
        "wizard without a card",
        "no-card-laptop-8gb",
        (
            Scene("wizard_2_no_card", _pc),
            Scene("wizard_5_no_card", _model),
            Scene("wizard_6_no_card", _ready),
        ),
        wizard=True,
    ),
    Act("wizard with two cards", "rtx-4090-and-3060-64gb", (Scene("wizard_2_two_cards", _pc),), wizard=True),
    Act("wizard without a driver", "driver-missing-16gb", (Scene("wizard_2_no_driver", _pc),), wizard=True),
    Act(
        "wizard with an old driver",
        "rtx-2070-8gb-16gb-old-driver",
        (Scene("wizard_2_old_driver", _pc), Scene("wizard_4_speed_failed", _speed_failed)),
        wizard=True,
    ),
    Act(
        "wizard with a full disk",
        "rtx-3060-12gb-32gb-full-disk",
        (Scene("wizard_3_full_and_fat32", _place), Scene("wizard_3_onedrive", _cloud)),
        wizard=True,
    ),
)
