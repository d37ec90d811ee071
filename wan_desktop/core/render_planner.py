"""From a request to the ladder that is tried for it, and back from what happened to what is known next time."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from wan_desktop.core.attention import Attention
from wan_desktop.core.busy_card import Busy, check_card_is_free
from wan_desktop.core.calibration import Calibration, CalibrationStore, MeasuredRun
from wan_desktop.core.catalog import Model, plan_for
from wan_desktop.core.estimate import Machine, Workload
from wan_desktop.core.form_check import without_own_engine
from wan_desktop.core.generation import GenerationRequest, GenerationResult
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.hardware_probe import probe
from wan_desktop.core.ladder import Candidate, Costs, Policy, Rung, ladder, most_frugal
from wan_desktop.core.load_plan import Device
from wan_desktop.core.machine import as_torch_sees_it, card_of, limits_of, machine_of
from wan_desktop.core.measured_speed import SpeedStore
from wan_desktop.core.messages import SpeedKind, SpeedStatus, TorchCard
from wan_desktop.core.model_shape import shape_of_folder
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.remembered_plans import RememberedPlans
from wan_desktop.core.settings import Settings

logger = logging.getLogger(__name__)


class RenderPlanner:
    """Plans renders on this PC; for all threads.

    Args:
        paths: Where it remembers.
        settings: What may be done without asking.
        hardware: The PC; looked at when the first render is planned if None.
        look: Finds out how the PC is now, without what the engine holds; this one if None.
    """

    def __init__(
        self,
        paths: AppPaths,
        settings: Settings | None = None,
        hardware: HardwareProfile | None = None,
        *,
        look: Callable[[], HardwareProfile] | None = None,
    ) -> None:
        self._resources = paths.resources
        self._store = CalibrationStore(paths.calibration)
        self._speeds = SpeedStore.of(paths)
        self._remembered = RememberedPlans(paths.remembered_plans)
        self._settings = settings or Settings()
        self._hardware = hardware
        self._looks = hardware is None
        self._look_at_pc = look or self._probe
        self.engine_process: int | None = None
        """Its id: what it holds of the card it lets go of, or uses again."""
        self._torch_cards: tuple[TorchCard, ...] | None = None
        self._place = ""
        """UUID of the card that was last planned for; empty without one."""
        self._lock = threading.Lock()

    def engine_sees(self, cards: tuple[TorchCard, ...]) -> None:
        """What torch can compute on, as the engine has said."""
        self._torch_cards = cards

    @property
    def speeds(self) -> SpeedStore:
        """What the speed test has measured; what is kept there counts from the next plan on."""
        return self._speeds

    def use(self, settings: Settings) -> None:
        """Other settings from now on."""
        self._settings = settings

    def rungs(self, model: Model, request: GenerationRequest, others: Sequence[Candidate] = ()) -> tuple[Rung, ...]:
        """The ways to make the video, in the order in which they are tried; at least one.

        Args:
            model: That was asked for.
            request: What is to be made.
            others: What may take its place when it does not fit; used only where the settings allow it.

        Raises:
            CardBusyError: It would fit on the card, were it not for other programs.
            RequestError, IntegrityError, ModelFilesMissingError: As `plan_for` says.
        """
        files = plan_for(model, request.variant, self._resources).transformer_files
        shape = shape_of_folder(model.folder, [Path(file) for file in files])
        name = request.variant or model.variant
        candidate = Candidate(
            model.metadata.model_id, name, shape, transformer_files=files, folder=str(model.folder.path)
        )
        hardware = self._look()
        card = card_of(hardware, self._settings.gpu_uuid)
        if self._torch_cards is not None:
            card = as_torch_sees_it(card, self._torch_cards)
        limits = limits_of(hardware, card)
        machine = machine_of(hardware, card, self._speeds.load())
        costs = Costs(machine, self._calibration())
        place = card.gpu.uuid if card.gpu and card.computes else ""
        workload = workload_of(request)
        with self._lock:
            self._place = place
            worked = self._remembered.name(place, candidate.model_id, candidate.variant, workload)
        policy = Policy(
            mode=self._settings.memory_mode,
            may_use_smaller_variant=self._settings.may_use_smaller_variant,
            may_use_other_model=self._settings.may_use_other_model,
            worked=worked,
            gpu_uuid=place,
            card_computes=card.computes,
            cpu_is_for_small=False,  # who asks for it anyway gets it
        )
        rungs = ladder([candidate, *others], workload, costs, limits, policy)
        check_card_is_free(rungs, Busy(candidate, workload, costs, policy, hardware, card))
        if not rungs:  # nothing fits on paper; paper may be wrong
            rungs = (most_frugal(candidate, workload, costs, limits, policy),)
        wanted = self._settings.attention
        return tuple(_with_right_attention(_with_chosen_attention(rung, machine, wanted), machine) for rung in rungs)

    def learn(self, rung: Rung, request: GenerationRequest, result: GenerationResult) -> None:
        """What worked, how long it took, and how much memory."""
        workload = workload_of(request)
        measured = MeasuredRun(result.timings_s, result.peak_memory_bytes, result.ram_peak_bytes)
        with self._lock:
            self._remembered.remember(self._place, rung, workload)
            self._store.learn(rung.estimate, measured, rung.plan, rung.model_id, workload)

    def forget(self) -> None:
        """Forget what renders have shown on this PC."""
        with self._lock:
            self._remembered.forget()
            self._store.forget()

    def _calibration(self) -> Calibration:
        with self._lock:
            return self._store.load()

    def _look(self) -> HardwareProfile:
        """As it is now, since free memory changes; what hangs is not asked again."""
        if self._looks or self._hardware is None:
            self._hardware = self._look_at_pc()
            self._looks = not self._hardware.problems or bool(self._hardware.gpus)
        return self._hardware

    def _probe(self) -> HardwareProfile:
        own = [] if self.engine_process is None else [self.engine_process]
        return without_own_engine(probe(own_processes=own))


def _with_chosen_attention(rung: Rung, machine: Machine, attention: Attention) -> Rung:
    """With the kernel that the user chose, where the speed test has found it right; elsewhere torch chooses."""
    if attention is Attention.NATIVE:
        return rung
    speed = machine.cpu_speed if rung.plan.device is Device.CPU else machine.card_speed
    is_right = speed is not None and speed.per_s(SpeedKind.ATTENTION, attention) is not None
    return replace(rung, plan=replace(rung.plan, attention=attention)) if is_right else rung


def _with_right_attention(rung: Rung, machine: Machine) -> Rung:
    """With the fastest right kernel instead, if the speed test found that the plan's computes something else.

    The plain one is none of them: it takes far more memory than was counted.
    """
    speed = machine.cpu_speed if rung.plan.device is Device.CPU else machine.card_speed
    kernels = {part.name: part for part in speed.parts if part.kind is SpeedKind.ATTENTION} if speed else {}
    planned = kernels.get(rung.plan.attention)
    right = [part for part in kernels.values() if part.status is SpeedStatus.MEASURED and part.name != Attention.MATH]
    if planned is None or planned.status is not SpeedStatus.WRONG or not right:
        return rung
    logger.warning("%s is not used: %s", planned.name, planned.reason)
    fastest = max(right, key=lambda part: part.per_s)
    return replace(rung, plan=replace(rung.plan, attention=Attention(fastest.name)))


def workload_of(request: GenerationRequest) -> Workload:
    """What the estimate needs to know of a request."""
    return Workload(
        width=request.width,
        height=request.height,
        num_frames=request.num_frames,
        num_inference_steps=request.num_inference_steps,
        has_image=request.image is not None,
        guidance_scale=request.guidance_scale,
        guidance_scale_2=request.guidance_scale_2,
    )
