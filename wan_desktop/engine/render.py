"""One video from start to end: load, read the prompt, sample, keep the latents, decode, save."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import av
import diffusers
import numpy as np
import torch
import transformers
from torch import Tensor

from wan_desktop import __version__
from wan_desktop.core.errors import (
    BrokenPictureError,
    DiskFullError,
    FileBlockedError,
    IntegrityError,
    JobCancelled,
    OutOfMemoryError,
    VideoNotSavedError,
    WanError,
)
from wan_desktop.core.generation import Attempt, GenerationResult
from wan_desktop.core.gguf_header import GGUF_SUFFIX, read_gguf_header
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.messages import Event, Generate, Load, MemoryReport, Preview, Progress, Stage, Unload
from wan_desktop.core.model_folder import ModelFolder, inspect_model_folder
from wan_desktop.core.recipe import Recipe
from wan_desktop.core.start_image import fit_image, open_image
from wan_desktop.engine import memory
from wan_desktop.engine.decoder import decode_groups, to_pictures
from wan_desktop.engine.kept_latents import KeptLatents
from wan_desktop.engine.loader import LoadedModel, reading
from wan_desktop.engine.memory_watch import MemoryWatch
from wan_desktop.engine.model_shelf import ModelShelf
from wan_desktop.engine.pausing import PauseControl, Pauses
from wan_desktop.engine.preview import Previewer
from wan_desktop.engine.sampler import Condition, Watch, denoise, embed_prompts, latent_shape, prepare_condition
from wan_desktop.engine.sampling_state import SamplingState
from wan_desktop.engine.video import VideoWriter, save_poster

logger = logging.getLogger(__name__)
_PROGRESS_EVERY_S = 0.1
_PREVIEW_EVERY_S = 0.5
_SAMPLE_BYTES = 1_000_000


class Studio:
    """Makes videos, and keeps models loaded between them as long as there is memory."""

    def __init__(self) -> None:
        self._shelf = ModelShelf()
        self.spare_latents: dict[str, Tensor] = {}
        self.unfinished: dict[str, SamplingState] = {}
        """By `_Run.same`: where a run came to that then failed; one at most."""

    def make_video(
        self,
        command: Generate,
        emit: Callable[[Event], None],
        check_cancelled: Callable[[], None],
        pause: PauseControl | None = None,
    ) -> GenerationResult:
        """Carry out one command; `pause` says between two steps whether to wait, never if None.

        Raises:
            JobCancelled: As `check_cancelled` says.
            WanError: It could not be made.
        """
        try:
            return _Run(self, command, emit, check_cancelled, pause or PauseControl()).make()
        except BaseException as error:
            # The functions that the error came through hold tensors as long as somebody holds the error.
            memory.forget_frames(error)
            if _spoils_model(error):
                self._shelf.remove(command.model_folder)
            raise

    def load(self, command: Load, emit: Callable[[Event], None], check_cancelled: Callable[[], None]) -> MemoryReport:
        """Read a model into memory.

        Raises:
            JobCancelled: As `check_cancelled` says.
            WanError: It cannot be loaded; nothing of it is left in memory.
        """
        start_s = time.monotonic()
        memory.reset_peak(memory.choose_device(command.plan))
        last_s = 0.0

        def report(done_bytes: int, total_bytes: int) -> None:
            nonlocal last_s
            if time.monotonic() - last_s >= _PROGRESS_EVERY_S:
                last_s = time.monotonic()
                emit(Progress(job=command.job, stage=Stage.LOAD_MODEL, done=done_bytes, total=total_bytes))

        with reading(command.model_folder):
            folder = inspect_model_folder(command.model_folder, [Path(file) for file in command.plan.transformer_files])
            self.model_for(folder, command.plan, None, report, check_cancelled)
        emit(Progress(job=command.job, stage=Stage.LOAD_MODEL, done=1, total=1))
        return self._report(command.job, start_s, memory.peak_memory_bytes(memory.choose_device(command.plan)))

    def unload(self, command: Unload) -> MemoryReport:
        """Let go of models."""
        start_s = time.monotonic()
        self._shelf.remove(command.model_folder)
        return self._report(command.job, start_s, 0)

    def _report(self, job: str, start_s: float, peak_bytes: int) -> MemoryReport:
        return MemoryReport(
            job=job,
            seconds=round(time.monotonic() - start_s, 3),
            loaded_folders=self._shelf.folders,
            process_bytes=memory.process_bytes(),
            peak_memory_bytes=peak_bytes,
        )

    def model_for(
        self,
        folder: ModelFolder,
        plan: LoadPlan,
        work_folder: Path | None,
        progress: Callable[[int, int], None],
        check_cancelled: Callable[[], None],
    ) -> LoadedModel:
        """The model as the plan wants it: the loaded one, or from disk where that is another or its files changed."""
        return self._shelf.get(folder, plan, work_folder, progress, check_cancelled)

    @property
    def models(self) -> int:
        """How many are in memory."""
        return len(self._shelf.folders)

    @property
    def previewer(self) -> Previewer | None:
        """Draws previews of the model used last."""
        return self._shelf.previewer


def _spoils_model(error: BaseException) -> bool:
    """Whether what is in memory is of no more use: its room is needed, or its numbers may be bad."""
    if isinstance(error, JobCancelled):
        return False
    known = memory.classify(error)
    return known is None or isinstance(known, OutOfMemoryError | IntegrityError | BrokenPictureError)


class _Run:
    """The state of one generation while it runs."""

    def __init__(
        self,
        studio: Studio,
        command: Generate,
        emit: Callable[[Event], None],
        check_cancelled: Callable[[], None],
        pause: PauseControl,
    ) -> None:
        self._studio, self._command, self._emit, self._check = studio, command, emit, check_cancelled
        self._request = command.request
        self._timings_s: dict[str, float] = {}
        self._started = time.monotonic()
        self._last_progress = self._last_preview = 0.0
        self._device = memory.choose_device(command.plan)
        self._peak = memory.ProcessPeak()
        self._pauses = Pauses(command.job, pause, emit, self._peak.resting)
        self._last_good: SamplingState | None = None
        self._memory_watch: MemoryWatch | None = None

    def make(self) -> GenerationResult:
        memory.reset_peak(self._device)
        with self._peak as peak:
            result = self._make()
            # With other models in memory, or weights that only made room, the number would say nothing of this one.
            says_something = self._studio.models == 1 and not self._pauses.freed_memory
            return replace(result, ram_peak_bytes=peak.bytes if says_something else 0)

    def _make(self) -> GenerationResult:
        command = self._command
        with reading(command.model_folder), self._stage(Stage.LOAD_MODEL):
            folder = inspect_model_folder(command.model_folder, [Path(file) for file in command.plan.transformer_files])
            model = self._studio.model_for(
                folder, command.plan, command.output.work_folder, self._load_progress, self._check
            )
        kept = KeptLatents(command.output.work_folder, command, folder, self._studio.spare_latents)
        latents = kept.load(latent_shape(model, self._request))
        if latents is None:
            latents = self._sample(model)
            kept.save(latents)
        with reading(command.model_folder):
            revision = weights_revision(folder)
        result = self._save(model, latents, revision)
        kept.remove()
        return result

    def _sample(self, model: LoadedModel) -> Tensor:
        with self._stage(Stage.READ_PROMPT):
            prompts = embed_prompts(model, self._request, self._check, self._load_progress)
        condition = self._prepare_images(model)
        start = self._studio.unfinished.pop(self._same, None)
        self._studio.unfinished.clear()
        with self._stage(Stage.CREATE_FRAMES, self._request.num_inference_steps):
            self._memory_watch = MemoryWatch(self._device, can_step_down=self._command.can_step_down)
            watch = Watch(
                check_cancelled=self._check,
                step=self._step,
                preview=self._preview,
                keep=self._keep,
                loading=self._load_progress,
                between_steps=self._between_steps,
            )
            try:
                return denoise(model, self._request, prompts, condition, watch, start)
            except (FileBlockedError, OutOfMemoryError):
                self._keep_for_later()
                raise
            except (JobCancelled, WanError):
                raise  # it is not wanted, or the numbers themselves are bad
            except Exception:
                self._keep_for_later()
                raise

    def _keep(self, state: SamplingState) -> None:
        self._last_good = state

    def _keep_for_later(self) -> None:
        """So that the next attempt, which will need less memory, goes on from the last good step."""
        state, self._last_good = self._last_good, None
        if state is not None:
            self._studio.unfinished[self._same] = state.on(torch.device("cpu"))

    @property
    def _same(self) -> str:
        """Runs with the same make the same numbers, however the model is placed."""
        return repr((self._command.model_folder, self._request, self._command.plan.numbers))

    def _prepare_images(self, model: LoadedModel) -> Condition | None:
        request = self._request
        if request.image is None:
            return None
        with self._stage(Stage.PREPARE_IMAGE):
            image = fit_image(open_image(request.image), request.width, request.height)
            last = request.last_image
            last_image = None if last is None else fit_image(open_image(last), request.width, request.height)
            return prepare_condition(model, request, image, last_image, self._check)

    def _save(self, model: LoadedModel, latents: Tensor, revision: str) -> GenerationResult:
        output = self._command.output
        try:
            return self._write(model, latents, output.path, revision)
        except (DiskFullError, VideoNotSavedError) as error:
            logger.warning("The video could not be written where it should go: %s", error.code)
            rescue = output.rescue_folder / output.path.name
            if rescue == output.path:
                raise
            try:
                return self._write(model, latents, rescue, revision)
            except (DiskFullError, VideoNotSavedError):
                raise error from None

    def _write(self, model: LoadedModel, latents: Tensor, path: Path, revision: str) -> GenerationResult:
        request, output = self._request, self._command.output
        groups = latents.shape[2]
        with VideoWriter(
            path,
            width=request.width,
            height=request.height,
            fps=request.fps,
            png_frames=output.png_frames,
            quality=output.video_quality,
            recipe_inside=output.recipe_inside,
        ) as writer:
            poster_picture = None
            with self._stage(Stage.BUILD_PICTURES, groups):
                for index, group in enumerate(decode_groups(model, latents, self._check, self._decode_progress)):
                    pictures = to_pictures(group)
                    writer.write(pictures)
                    if index == groups // 2:
                        poster_picture = pictures[-1]
                    self._progress(Stage.BUILD_PICTURES, index + 1, groups)
            with self._stage(Stage.SAVE_VIDEO):
                attempts = (*self._command.earlier_attempts, self._attempt())
                frames_folder = writer.finish(self._recipe(revision, attempts).to_json())
        poster = _poster(path, poster_picture) if output.poster and poster_picture is not None else None
        return GenerationResult(
            path=path,
            seconds=self._seconds,
            timings_s=self._timings_s,
            attempts=attempts,
            frames_folder=frames_folder,
            frames_problem=writer.frames_problem,
            poster=poster,
            peak_memory_bytes=memory.peak_memory_bytes(self._device),
        )

    def _attempt(self) -> Attempt:
        return Attempt(
            plan=self._command.plan.name,
            outcome="done",
            seconds=self._seconds,
            model_id=self._request.model_id,
            variant=self._request.variant,
            peak_memory_bytes=memory.peak_memory_bytes(self._device),
        )

    def _recipe(self, revision: str, attempts: tuple[Attempt, ...]) -> Recipe:
        return Recipe(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            request=self._request,
            revision=revision,
            versions={
                "wan_desktop": __version__,
                "torch": torch.__version__,
                "diffusers": diffusers.__version__,
                "transformers": transformers.__version__,
                "av": av.__version__,
                "device": str(self._device),
            },
            attempts=attempts,
            timings_s=self._timings_s,
        )

    @property
    def _seconds(self) -> float:
        return round(time.monotonic() - self._started - self._pauses.seconds, 3)

    @contextmanager
    def _stage(self, stage: Stage, total: int = 1) -> Iterator[None]:
        """Time a stage and say that it begins; one that counts its own parts says by itself how far it is."""
        self._check()
        self._progress(stage, 0, total)
        started, paused_s = time.monotonic(), self._pauses.seconds
        yield
        self._timings_s[stage.value] = round(time.monotonic() - started - (self._pauses.seconds - paused_s), 3)
        if total == 1:
            self._progress(stage, 1, 1)

    def _progress(self, stage: Stage, done: int, total: int, part: int = 1, parts: int = 1) -> None:
        self._emit(
            Progress(
                job=self._command.job,
                stage=stage,
                done=done,
                total=total,
                part=part,
                parts=parts,
                peak_memory_bytes=memory.peak_memory_bytes(self._device),
            )
        )

    def _load_progress(self, done_bytes: int, total_bytes: int) -> None:
        now = time.monotonic()
        if now - self._last_progress >= _PROGRESS_EVERY_S:
            self._last_progress = now
            self._progress(Stage.LOAD_MODEL, done_bytes, total_bytes)

    def _decode_progress(self, done: int, total: int) -> None:
        """In tiles, long before the first frames come."""
        if time.monotonic() - self._last_progress >= _PROGRESS_EVERY_S:
            self._last_progress = time.monotonic()
            self._progress(Stage.BUILD_PICTURES, done, total)

    def _step(self, done: int, total: int, part: int, parts: int) -> None:
        self._progress(Stage.CREATE_FRAMES, done, total, part, parts)
        if self._memory_watch is not None and 0 < done < total:
            self._memory_watch.step()

    def _between_steps(self, done: int, total: int, clear_card: Callable[[], int]) -> None:
        waited_s = self._pauses.between_steps(done, total, clear_card)
        if self._memory_watch is not None:
            self._memory_watch.rested(waited_s)

    def _preview(self, step: int, latents: Tensor) -> None:
        now = time.monotonic()
        previewer = self._studio.previewer
        if self._command.live_preview and previewer is not None and now - self._last_preview >= _PREVIEW_EVERY_S:
            self._last_preview = now
            self._emit(Preview(self._command.job, step, previewer.jpeg_base64(latents)))


def _poster(path: Path, picture: np.ndarray) -> Path | None:
    """Save it beside the video, or go without: the video is already there."""
    try:
        return save_poster(path, picture)
    except (DiskFullError, VideoNotSavedError) as error:
        logger.warning("The poster could not be written: %s", error.code)
        return None


def weights_revision(folder: ModelFolder) -> str:
    """A name for weights without a commit: a hash over size, header, beginning and end of each file."""
    digest = hashlib.sha256()
    for name, files in sorted(folder.weight_files.items()):
        for file in files:
            digest.update(f"{name}/{file.name} {file.stat().st_size}\n".encode())
            with file.open("rb") as stream:
                is_gguf = file.suffix.lower() == GGUF_SUFFIX
                header_bytes = (
                    read_gguf_header(file).data_offset if is_gguf else int.from_bytes(stream.read(8), "little")
                )
                digest.update(stream.read(header_bytes + _SAMPLE_BYTES))
                stream.seek(max(0, file.stat().st_size - _SAMPLE_BYTES))
                digest.update(stream.read())
    return f"sha256:{digest.hexdigest()}"
