"""A model folder into memory, as a load plan says."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import Tensor, nn

from wan_desktop.core.errors import DriveFaultError, DriveMissingError, FileBlockedError, IntegrityError
from wan_desktop.core.generation import Sampler
from wan_desktop.core.load_plan import LoadPlan, Placement, Storage, TextEncoderPolicy
from wan_desktop.core.model_folder import ModelFolder
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.engine import schedulers
from wan_desktop.engine.attention import check_attention, use_attention
from wan_desktop.engine.components import (
    EXPERTS,
    ReadBytes,
    check_experts_differ,
    check_plan,
    load_image_encoder,
    load_text_encoder,
    load_tokenizer,
    load_transformer,
    load_vae,
    size_bytes,
)
from wan_desktop.engine.memory import (
    COMING_AND_GOING_BYTES,
    USUAL_LARGE_BYTES,
    cap_video_memory,
    choose_device,
    choose_dtype,
    forget_frames,
    free_cached_memory,
    return_freed_memory,
    return_large_blocks,
)
from wan_desktop.engine.placement import Placer, free_numbers
from wan_desktop.engine.streamed_text import stream_text_encoder

_PROMPTS_KEPT = 16
_MODULES = ("text_encoder", "image_encoder", *EXPERTS, "vae")
_OF_THE_DRIVE = (FileBlockedError, DriveFaultError, DriveMissingError)


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """What the drive says while a model's files are read in the block becomes an error a user can act on.

    Args:
        folder: The model's.

    Raises:
        FileBlockedError: Another program holds a file; may be over in a moment.
        DriveFaultError, DriveMissingError: The drive cannot read it, or is gone.
    """
    try:
        yield
    except (OSError, IntegrityError) as error:
        # Who reads a header calls all that goes wrong damage; a file that only cannot be opened now is whole.
        cause = error if isinstance(error, OSError) else error.__cause__
        meaning = disk_error(cause, folder, "loading") if isinstance(cause, OSError) else None
        if isinstance(meaning, _OF_THE_DRIVE):
            raise meaning from error
        raise


@dataclass(slots=True, weakref_slot=True)
class LoadedModel:
    """The components of one model; those that the plan reads only when they are needed are None until then."""

    folder: ModelFolder
    plan: LoadPlan
    device: torch.device
    dtype: torch.dtype
    placer: Placer
    tokenizer: Any = None
    text_encoder: Any = None
    transformer: Any = None
    transformer_2: Any = None
    vae: Any = None
    image_encoder: Any = None
    image_processor: Any = None
    prompts: "OrderedDict[str, Tensor]" = field(default_factory=OrderedDict)
    """Embeddings of the last prompts, on the CPU, so that the next render need not read them again."""

    @contextmanager
    def on_device(self, module: nn.Module) -> Iterator[None]:
        """The module computes on the device while the block runs."""
        with self.placer.visit(module):
            yield

    def leave_card(self) -> int:
        """Let others have the card's memory until a module is visited again; returns the bytes freed, 0 on the CPU."""
        return self.placer.leave_card()

    @contextmanager
    def text_reader(
        self, progress: Callable[[int, int], None], check_cancelled: Callable[[], None]
    ) -> Iterator[tuple[Any, torch.device]]:
        """The text encoder and where it computes, read from disk first if the plan does not keep it.

        Args:
            progress: Told bytes read and bytes in all.
            check_cancelled: Called between tensors; raises JobCancelled to stop.

        Raises:
            IntegrityError: The files are not what they should be.
            WanError: As `reading` says.
        """
        if self.text_encoder is not None:
            with self.on_device(self.text_encoder):
                yield self.text_encoder, self.device
            return
        if self.plan.one_expert and self.folder.has_two_experts:
            # A render begins with the first expert, and the second is what is here after one: it would go anyway.
            for name in EXPERTS:
                self._drop(name)
        streams = self.plan.text_encoder == TextEncoderPolicy.CPU
        device = torch.device("cpu") if streams else self.device
        report = ReadBytes(size_bytes(self.folder, "text_encoder"), progress, check_cancelled)
        with reading(self.folder.path):
            if streams:
                encoder = stream_text_encoder(self.folder, report)
            else:
                encoder = load_text_encoder(self.folder, self.dtype, report)
            try:
                yield encoder.to(device), device
            finally:
                free_numbers(encoder)
                return_freed_memory()
                if device.type != "cpu":
                    free_cached_memory(device)

    @contextmanager
    def expert(
        self, part: int, progress: Callable[[int, int], None], check_cancelled: Callable[[], None]
    ) -> Iterator[None]:
        """`transformer` (part 1) or `transformer_2` (part 2) computes while the block runs, read from disk if need be.

        With `one_expert` the other one is gone before this one is read. Whoever still holds it holds a shell without
        numbers.

        Args:
            part: 1 or 2.
            progress: Told bytes read and bytes in all.
            check_cancelled: Called between tensors; raises JobCancelled to stop.

        Raises:
            IntegrityError: The files are not what they should be.
            WanError: As `reading` says.
        """
        name = EXPERTS[part - 1]
        if getattr(self, name) is None:
            if self.plan.one_expert:
                self._drop(EXPERTS[2 - part])
            self.load_expert(name, ReadBytes(size_bytes(self.folder, name), progress, check_cancelled))
        with self.on_device(getattr(self, name)):
            yield

    def load_expert(self, name: str, report: Callable[[int], None]) -> None:
        """Read that transformer; nothing of it is left if that fails.

        Raises:
            IntegrityError: The files are not what they should be.
            WanError: As `reading` says.
        """
        try:
            with reading(self.folder.path):
                transformer = load_transformer(self.folder, self.plan, name, self.dtype, self.placer, report)
        except BaseException as error:
            forget_frames(error)
            self.placer.forget_unfinished()
            raise
        use_attention(transformer, self.plan.attention)
        setattr(self, name, transformer)

    def close(self) -> None:
        """Free everything: numbers, hooks, files. The model cannot be used after it."""
        for name in _MODULES:
            self._drop(name)
        self.tokenizer = self.image_processor = None
        self.prompts.clear()
        self.placer.close()
        free_cached_memory(self.device)
        return_freed_memory()

    def _drop(self, name: str) -> None:
        module = getattr(self, name)
        if module is None:
            return
        setattr(self, name, None)
        if name == "vae":
            module.clear_cache()
        # Its numbers are gone with this; the shell may wait for the garbage collector, which takes a while itself.
        self.placer.forget(module)
        if self.device.type != "cpu":
            free_cached_memory(self.device)

    def make_scheduler(self, flow_shift: float | None, sampler: Sampler = Sampler.MODEL) -> Any:
        """A fresh scheduler of the folder's kind and settings, or another one, with its shift or the one given."""
        return schedulers.make_scheduler(self.folder, flow_shift, sampler)

    def keep_prompt(self, text: str, embeddings: Tensor) -> None:
        """Remember the embeddings; the oldest go."""
        self.prompts[text] = embeddings
        while len(self.prompts) > _PROMPTS_KEPT:
            self.prompts.popitem(last=False)


def load_model(
    folder: ModelFolder,
    plan: LoadPlan,
    *,
    progress: Callable[[int, int], None],
    check_cancelled: Callable[[], None],
    work_folder: Path | None = None,
) -> LoadedModel:
    """Load what the plan keeps in memory; if that fails, nothing of it stays there.

    Args:
        folder: As `inspect_model_folder` returned it for the plan's files.
        plan: How.
        progress: Told bytes read and bytes in all.
        check_cancelled: Called between tensors; raises JobCancelled to stop.
        work_folder: For files with weights (`Placement.DISK`); the system's folder for temporary files if None.

    Raises:
        IntegrityError: The files are not what they should be.
        IncompatibleError: The plan cannot be carried out on this machine.
    """
    check_plan(folder, plan)
    return_large_blocks(COMING_AND_GOING_BYTES)
    device = choose_device(plan)
    if device.type == "cuda":
        torch.cuda.set_device(device)  # where diffusers makes its streams; not run: no card where this was written
    cap_video_memory(device)
    dtype = choose_dtype(plan, device)
    model = LoadedModel(folder, plan, device, dtype, Placer(plan, device, work_folder))
    try:
        _fill(model, progress, check_cancelled)
    except BaseException as error:
        # The functions that the error came through hold tensors as long as somebody holds the error.
        forget_frames(error)
        model.close()
        raise
    if not _weights_come_and_go(folder, plan):
        return_large_blocks(USUAL_LARGE_BYTES)
    return_freed_memory()
    return model


def _weights_come_and_go(folder: ModelFolder, plan: LoadPlan) -> bool:
    """While the model computes, weights are read, dropped or made larger."""
    comes_late = plan.one_expert and folder.has_two_experts
    return comes_late or plan.placement == Placement.DISK or plan.storage == Storage.FP8


def _fill(model: LoadedModel, progress: Callable[[int, int], None], check_cancelled: Callable[[], None]) -> None:
    folder, plan, placer = model.folder, model.plan, model.placer
    check_experts_differ(folder)
    model.tokenizer = load_tokenizer(folder)
    experts = (
        [] if plan.one_expert and folder.has_two_experts else [name for name in EXPERTS if name in folder.weight_files]
    )
    config = diffusers.WanTransformer3DModel.load_config(folder.path / EXPERTS[0], local_files_only=True)
    check_attention(plan.attention, int(config["attention_head_dim"]), model.device, model.dtype)
    keeps_text = plan.text_encoder == TextEncoderPolicy.KEEP
    names = ["vae", *experts, *(["text_encoder"] if keeps_text else [])]
    names += ["image_encoder"] if folder.has_image_encoder else []
    report = ReadBytes(size_bytes(folder, *names), progress, check_cancelled)
    if keeps_text:
        model.text_encoder = load_text_encoder(folder, model.dtype, report)
        placer.settle(model.text_encoder)
    if folder.has_image_encoder:
        model.image_encoder, model.image_processor = load_image_encoder(folder, placer, report)
    for name in experts:
        model.load_expert(name, report)
    model.vae = load_vae(folder, plan, model.device, placer, report)
