"""The settings most people leave alone."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from PySide6.QtCore import QRegularExpression, QSignalBlocker, Signal, Slot
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from wan_desktop.core.generation import (
    FPS_RANGE,
    GUIDANCE_RANGE,
    SEED_RANGE,
    SHIFT_RANGE,
    STEPS_RANGE,
    Sampler,
    snap_size,
)
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.shortcuts import Action, show_keys
from wan_desktop.ui.widgets.controls import Button, label, set_help
from wan_desktop.ui.widgets.fields import CheckBox, ComboBox, DoubleSpinBox, SpinBox
from wan_desktop.ui.widgets.form import FormField, pair

if TYPE_CHECKING:
    from wan_desktop.core.catalog import Model
    from wan_desktop.ui.create.form_state import FormState

_SCHEDULERS = {"UniPCMultistepScheduler": Sampler.UNIPC, "FlowMatchEulerDiscreteScheduler": Sampler.EULER}
"""Under which name a model's own one stands in the list; those that `model_folder` accepts."""
_STEP_BELOW = 0.1
"""One step below a range stands for "the model's own"."""


class SeedField(QWidget):
    """A seed that is either new each time, or kept."""

    seed_changed = Signal(object)
    """An int, or None for a new one each time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = QLineEdit(self)
        self.edit.setAccessibleName(tr("Seed"))
        self.edit.setPlaceholderText(tr("New each time"))
        self.edit.setValidator(QRegularExpressionValidator(QRegularExpression(r"\d{0,10}"), self))
        self.lock = Button("", self, kind="icon", icon_name="lock-open", name=tr("Keep this seed"))
        self.lock.setCheckable(True)
        self.dice = Button("", self, kind="icon", icon_name="dices", name=tr("Throw a new seed"))
        show_keys(self.dice, Action.NEW_SEED)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.edit, 1)
        layout.addWidget(self.lock)
        layout.addWidget(self.dice)
        self._last_used: int | None = None
        self.edit.editingFinished.connect(self._on_edited)
        self.lock.clicked.connect(self._on_lock)
        self.dice.clicked.connect(self._on_dice)

    def show_seed(self, seed: int | None) -> None:
        """Show a kept seed, or that there is none."""
        self.edit.setText("" if seed is None else str(seed))
        self.lock.setChecked(seed is not None)
        self.lock.set_icon("lock" if seed is not None else "lock-open")
        name = tr("Take a new seed each time") if seed is not None else tr("Keep the seed of the last video")
        self.lock.setAccessibleName(name)
        self.lock.setToolTip(name)

    def show_last_used(self, seed: int | None) -> None:
        """Say which seed the last video had, so that it can be kept."""
        self._last_used = seed
        self.edit.setPlaceholderText(
            tr("New each time") if seed is None else tr("New each time (last: {seed})", seed=seed)
        )

    @Slot()
    def _on_edited(self) -> None:
        written = self.edit.text()
        seed = min(int(written), SEED_RANGE[1]) if written else None
        self.show_seed(seed)
        self.seed_changed.emit(seed)

    @Slot()
    def _on_lock(self) -> None:
        seed = None
        if self.lock.isChecked():
            seed = self._last_used if self._last_used is not None else secrets.randbelow(SEED_RANGE[1] + 1)
        self.show_seed(seed)
        self.seed_changed.emit(seed)

    @Slot()
    def _on_dice(self) -> None:
        seed = secrets.randbelow(SEED_RANGE[1] + 1)
        self.show_seed(seed)
        self.seed_changed.emit(seed)


class AdvancedPanel(QWidget):
    """Steps, guidance, shift, sampler, seed, speed and custom size."""

    edited = Signal(object)
    """A dict of the fields that changed."""

    def __init__(self, model: Model, state: FormState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._build_ui()
        self.show_state(state)
        self._connect()

    def show_state(self, state: FormState) -> None:
        """Show these values."""
        blockers = [QSignalBlocker(widget) for widget in self._inputs()]
        self.steps.setValue(state.num_inference_steps)
        self.guidance.setValue(state.guidance_scale)
        self.guidance_2.setValue(_or_below(state.guidance_scale_2, GUIDANCE_RANGE[0]))
        self.shift.setValue(_or_below(state.flow_shift, SHIFT_RANGE[0]))
        self.sampler.setCurrentIndex(list(Sampler).index(state.sampler))
        self.fps.setValue(state.fps)
        self.seed.show_seed(state.seed)
        self.custom.setChecked(state.custom_size)
        self.width_px.setValue(state.width)
        self.height_px.setValue(state.height)
        self._size_row.setVisible(state.custom_size)
        if not state.custom_size:
            self.size_field.say("")
        del blockers

    def add(self, widget: QWidget) -> None:
        """Show more below."""
        layout = self.layout()
        if layout is not None:
            layout.addWidget(widget)

    def _build_ui(self) -> None:
        folder = self._model.folder
        self.steps = SpinBox(tr("Steps"), STEPS_RANGE, self)
        self.fps = SpinBox(tr("Pictures per second"), FPS_RANGE, self)
        self.guidance = DoubleSpinBox(tr("Guidance"), GUIDANCE_RANGE, self)
        self.guidance_2 = DoubleSpinBox(
            tr("Second guidance"), (GUIDANCE_RANGE[0] - _STEP_BELOW, GUIDANCE_RANGE[1]), self
        )
        self.guidance_2.setSpecialValueText(tr("As the first"))
        self.shift = DoubleSpinBox(tr("Shift"), (SHIFT_RANGE[0] - _STEP_BELOW, SHIFT_RANGE[1]), self)
        self.shift.setSpecialValueText(tr("Model's own"))
        self.sampler = ComboBox(tr("Sampler"), self)
        for sampler in Sampler:
            self.sampler.addItem(text.sampler_name(sampler), sampler)
        own = text.sampler_name(_SCHEDULERS[folder.scheduler])
        self.sampler.setItemText(0, tr("Model's own ({name})", name=own))
        self.seed = SeedField(self)
        self.custom = CheckBox(tr("Custom size"), self)
        self.width_px = SpinBox(tr("Width in pixels"), (1, folder.max_side_px), self)
        self.height_px = SpinBox(tr("Height in pixels"), (1, folder.max_side_px), self)
        for spin in (self.width_px, self.height_px):
            spin.setSingleStep(folder.size_multiple)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(14)
        layout.addWidget(
            pair(FormField(tr("Steps"), self.steps, self), FormField(tr("Pictures per second"), self.fps, self), self)
        )
        guidance, shift = FormField(tr("Guidance"), self.guidance, self), FormField(tr("Shift"), self.shift, self)
        second = FormField(tr("Second guidance"), self.guidance_2, self)
        layout.addWidget(pair(guidance, shift, self))
        if folder.has_two_experts:
            guidance.title.setText(tr("Guidance, first part"))
            second.title.setText(tr("Guidance, second part"))
            layout.addWidget(second)
        else:
            second.hide()
        layout.addWidget(FormField(tr("Sampler"), self.sampler, self))
        seed = FormField(tr("Seed"), self.seed, self)
        seed.title.setBuddy(self.seed.edit)
        seed.set_help(tr("The same seed and settings make the same video."))
        layout.addWidget(seed)
        layout.addWidget(self._size())

    def _size(self) -> QWidget:
        for widget, name in (
            *((self.steps, "steps"), (self.fps, "fps"), (self.guidance, "guidance"), (self.guidance_2, "guidance-2")),
            *((self.shift, "shift"), (self.sampler, "sampler"), (self.seed, "seed"), (self.custom, "custom-size")),
            *((self.width_px, "custom-size"), (self.height_px, "custom-size")),
        ):
            set_help(widget, f"create.{name}")
        self._size_row = QWidget(self)
        row = QHBoxLayout(self._size_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.width_px, 1)
        row.addWidget(label(text.TIMES, self._size_row, role="soft"))
        row.addWidget(self.height_px, 1)
        box = QWidget(self)
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.custom)
        self.size_field = FormField("", self._size_row, box)
        self.size_field.title.hide()
        layout.addWidget(self.size_field)
        return box

    def _inputs(self) -> tuple[QWidget, ...]:
        numbers = (self.steps, self.fps, self.guidance, self.guidance_2, self.shift, self.sampler)
        return (*numbers, self.seed, self.custom, self.width_px, self.height_px)

    def _connect(self) -> None:
        for whole in (self.steps, self.fps):
            whole.valueChanged.connect(self._on_number)
        for real in (self.guidance, self.guidance_2, self.shift):
            real.valueChanged.connect(self._on_number)
        self.sampler.activated.connect(self._on_sampler)
        self.seed.seed_changed.connect(self._on_seed)
        self.custom.toggled.connect(self._on_custom)
        self.width_px.editingFinished.connect(self._on_size)
        self.height_px.editingFinished.connect(self._on_size)

    @Slot()
    def _on_number(self) -> None:
        two_experts = self._model.folder.has_two_experts
        self.edited.emit(
            {
                "num_inference_steps": self.steps.value(),
                "fps": self.fps.value(),
                "guidance_scale": round(self.guidance.value(), 1),
                "guidance_scale_2": _or_none(self.guidance_2.value(), GUIDANCE_RANGE[0]) if two_experts else None,
                "flow_shift": _or_none(self.shift.value(), SHIFT_RANGE[0]),
            }
        )

    @Slot(int)
    def _on_sampler(self, index: int) -> None:
        self.edited.emit({"sampler": list(Sampler)[index]})

    @Slot(object)
    def _on_seed(self, seed: int | None) -> None:
        self.edited.emit({"seed": seed})

    @Slot(bool)
    def _on_custom(self, custom: bool) -> None:
        self._size_row.setVisible(custom)
        if custom:
            self._on_size()
        else:
            first = self._model.metadata.sizes[0]
            self.edited.emit({"custom_size": False, "width": first.width, "height": first.height})

    @Slot()
    def _on_size(self) -> None:
        if not self.custom.isChecked():
            return
        wanted = (self.width_px.value(), self.height_px.value())
        snapped = snap_size(*wanted, self._model)
        if snapped != wanted:
            multiple = self._model.folder.size_multiple
            self.size_field.say(
                tr(
                    "{before} \u2192 {after}: this model needs multiples of {multiple}.",
                    before=f"{wanted[0]} {text.TIMES} {wanted[1]}",
                    after=f"{snapped[0]} {text.TIMES} {snapped[1]}",
                    multiple=multiple,
                )
            )
        self.edited.emit({"custom_size": True, "width": snapped[0], "height": snapped[1]})


def _or_below(value: float | None, lowest: float) -> float:
    return lowest - _STEP_BELOW if value is None else value


def _or_none(value: float, lowest: float) -> float | None:
    return None if value < lowest - _STEP_BELOW / 2 else round(value, 1)
