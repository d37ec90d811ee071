"""How fast a device computes and copies, measured in a few seconds: what the estimate of a render is made with.

Every part begins small, grows until one run takes a good part of its time, and is then repeated; so it takes about as
long on a laptop's processor as on a large card. A part that fails is off, with a reason, and the rest goes on.

On the CPU all of this was run. What only a card does (CUDA's events, pinned and pageable copies, 8-bit floats) was not:
there was no card where it was written.
"""

import logging
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn

from wan_desktop.core.attention import Attention
from wan_desktop.core.card_uuid import plain_uuid
from wan_desktop.core.errors import JobCancelled, OutOfMemoryError
from wan_desktop.core.load_plan import Device, LoadPlan
from wan_desktop.core.messages import (
    Event,
    MeasureSpeed,
    SpeedKind,
    SpeedPart,
    SpeedProgress,
    SpeedReport,
    SpeedStatus,
)
from wan_desktop.core.words import tr
from wan_desktop.engine import memory
from wan_desktop.engine.attention import check_attention

logger = logging.getLogger(__name__)

_SIDES = (128, 256, 512, 1024, 2048, 4096, 8192)
"""Of square matrices: the layers of a 14B model are 5120 and 13824 wide."""
_HEADS, _HEAD_DIM = 12, 128
"""As the 1.3B models have them; those of 14B have 40 heads of the same size."""
_TOKENS = (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32760)
"""The last is a real clip, 832 x 480 x 81: 21 x 30 x 52 places."""
_COPIES_BYTES = tuple(1 << power for power in range(20, 27))
"""Up to 64 MiB: torch keeps pinned memory for the next time it is asked for some."""
_MOST_BYTES = 1 << 30
"""A part takes that much memory at most; on the CPU a quarter of it."""
_ONE_RUN = 0.5
"""Of a part's time one run may take; a cancel is heard between two."""
_COMPARED_TOKENS, _COMPARED_TEXT_TOKENS, _COMPARED_HEADS = 384, 77, 2
"""Numbers that are no multiples of a kernel's tiles show what happens at their edges."""
_SAME = 4.0
"""Times the number format's step, relative to the largest number of the result: so far rounding may take two kernels
apart. A kernel that computes something else is further off than that."""
_TF32_EPS = 2.0**-10
"""The step of TensorFloat-32, which kernels for float32 may compute with (CUDA Programming Guide, "TF32")."""
_FLOAT8_CAPABILITY = (8, 9)
"""PTX ISA, `mma` with `.e4m3`."""
_SEED = 5


class PartOffError(Exception):
    """A part cannot be measured here; the text says why, in a sentence."""


class WrongResultError(PartOffError):
    """It computes something else than it should."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where it is measured, and how long."""

    device: torch.device
    part_s: float
    check_cancelled: Callable[[], None]

    @property
    def on_card(self) -> bool:
        """A card computes."""
        return self.device.type == "cuda"

    @property
    def most_bytes(self) -> int:
        """What a part may take of the device's memory."""
        free = memory.video_memory(self.device)
        return min(_MOST_BYTES, free.free_bytes // 4) if free else _MOST_BYTES // 4

    def allocated_bytes(self) -> int:
        """What tensors take on the card now, from where a new peak begins; 0 on the CPU."""
        memory.reset_peak(self.device)
        return memory.peak_memory_bytes(self.device)

    def seconds(self, work: Callable[[], object]) -> float:
        """How long one run takes: on a card by its own clock, from when it begins with it to when it is done."""
        if not self.on_card:
            begun = time.perf_counter()
            work()
            return time.perf_counter() - begun
        # Not run: no card where this was written.
        with torch.cuda.device(self.device):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            torch.cuda.synchronize(self.device)
            begin.record()
            work()
            end.record()
            end.synchronize()
            return float(begin.elapsed_time(end)) / 1000


@dataclass(frozen=True, slots=True)
class Task:
    """Work of a kind, in any of some sizes."""

    sizes: Sequence[int]
    """Growing."""
    amount: Callable[[int], float]
    """Operations or bytes of one run."""
    work: Callable[[int], Callable[[], object]]
    """Makes what one run needs; memory that is used up ends the growing."""
    takes_bytes: Callable[[int], float]
    """Memory of a run."""


@dataclass(frozen=True, slots=True)
class Part:
    """One number to be measured."""

    kind: SpeedKind
    name: str
    task: Callable[[], Task]
    """Raises PartOffError, or anything that makes the part off."""


def measure(command: MeasureSpeed, send: Callable[[Event], None], check_cancelled: Callable[[], None]) -> SpeedReport:
    """Run all parts, one after the other.

    Args:
        command: On which device, and how long each.
        send: Is told which part begins.
        check_cancelled: Raises JobCancelled when it is to stop; asked between any two runs.

    Raises:
        JobCancelled: It was asked to stop.
        IncompatibleError: The device is not there.
    """
    begun = time.perf_counter()
    device = memory.choose_device(LoadPlan(device=command.device, gpu_uuid=command.gpu_uuid))
    bench = Bench(device, command.part_s, check_cancelled)
    planned = [*_products(bench), *_attentions(bench), *_copies(bench)]
    found = []
    with torch.no_grad():
        for number, part in enumerate(planned):
            check_cancelled()
            send(SpeedProgress(job=command.job, kind=part.kind, name=part.name, done=number, total=len(planned)))
            found.append(_measured(part, bench))
            if bench.on_card:
                memory.free_cached_memory(device)
    return SpeedReport(
        job=command.job,
        device=_uuid(device),
        device_name=torch.cuda.get_device_name(device) if bench.on_card else "CPU",
        torch_version=torch.__version__,
        parts=tuple(found),
        seconds=time.perf_counter() - begun,
    )


def _measured(part: Part, bench: Bench) -> SpeedPart:
    try:
        per_s = rate(part.task(), bench)
    except JobCancelled:
        raise
    except Exception as error:  # whatever a kernel or a driver raises: this part is off, the rest goes on
        logger.info("Speed of %s %s: off", part.kind, part.name, exc_info=not isinstance(error, PartOffError))
        status = SpeedStatus.WRONG if isinstance(error, WrongResultError) else SpeedStatus.OFF
        return SpeedPart(kind=part.kind, name=part.name, status=status, reason=_reason(error))
    return SpeedPart(kind=part.kind, name=part.name, status=SpeedStatus.MEASURED, per_s=per_s)


def _reason(error: Exception) -> str:
    known = memory.classify(error)
    if known is not None:
        return known.message
    text = str(error).strip().splitlines()
    return text[0][:300] if text else tr("It ended with {kind}.", kind=type(error).__name__)


def rate(task: Task, bench: Bench) -> float:
    """How much of the work a second: at the largest size whose run is short enough, the median of many runs.

    Raises:
        JobCancelled: It was asked to stop.
        PartOffError: Not even the smallest size fits into memory.
        Exception: Whatever the work raises.
    """
    size, work, seconds, taken_bytes = 0, None, 0.0, 0.0
    for larger in task.sizes:
        bench.check_cancelled()
        growth = task.amount(larger) / task.amount(size) if work is not None else 0.0
        if growth * seconds > _ONE_RUN * bench.part_s:
            break
        # Windows lets a card's memory run over into the PC's instead of refusing it: nothing may come near that.
        if max(task.takes_bytes(larger), growth * taken_bytes) > bench.most_bytes:
            break
        before_bytes = bench.allocated_bytes()
        try:
            grown = task.work(larger)
            bench.seconds(grown)  # the first run finds a kernel, loads it, and asks for memory
            bench.check_cancelled()
            seconds = bench.seconds(grown)
        except (RuntimeError, MemoryError) as error:
            if work is None or not isinstance(memory.classify(error), OutOfMemoryError):
                raise
            break
        size, work, taken_bytes = larger, grown, memory.peak_memory_bytes(bench.device) - before_bytes
    if work is None:
        raise PartOffError(tr("There is not enough free memory to measure it."))
    runs = [seconds]
    until = time.perf_counter() + bench.part_s
    while time.perf_counter() < until:
        bench.check_cancelled()
        runs.append(bench.seconds(work))
    return task.amount(size) / max(statistics.median(runs), 1e-9)


# Matrix products -----------------------------------------------------------------------------------------------------


def _products(bench: Bench) -> Iterator[Part]:
    formats = [torch.bfloat16, torch.float16] if bench.on_card else [torch.float32, torch.bfloat16]
    for dtype in formats:
        yield Part(SpeedKind.PRODUCTS, _name(dtype), partial(product_task, bench, dtype))
    yield Part(SpeedKind.PRODUCTS, "float8", partial(float8_task, bench))


def product_task(bench: Bench, dtype: torch.dtype) -> Task:
    """Square matrices of that number format.

    Raises:
        PartOffError: The card computes in it only by way of another.
    """
    if bench.on_card and dtype is torch.bfloat16:
        with torch.cuda.device(bench.device):
            if not torch.cuda.is_bf16_supported(including_emulation=False):
                raise PartOffError(tr("This card does not compute in bfloat16."))

    def work(side: int) -> Callable[[], object]:
        left, right = (_numbers((side, side), dtype, bench.device) for _ in range(2))
        out = torch.empty(side, side, dtype=dtype, device=bench.device)
        return lambda: torch.mm(left, right, out=out)

    return Task(_SIDES, _product_flops, work, lambda side: 3 * side**2 * dtype.itemsize)


def float8_task(bench: Bench) -> Task:
    """8-bit floats with a factor each, and results in bfloat16: what an 8-bit model would compute with.

    Raises:
        PartOffError: No card that multiplies them, or torch cannot.
    """
    # Not run: no card where this was written.
    if not bench.on_card:
        raise PartOffError(tr("Only graphics cards multiply 8-bit floats."))
    if torch.cuda.get_device_capability(bench.device) < _FLOAT8_CAPABILITY:
        raise PartOffError(tr("This card does not multiply 8-bit floats."))
    multiply = getattr(torch, "_scaled_mm", None)  # torch has no public name for it yet
    if multiply is None:
        raise PartOffError(tr("This torch does not multiply 8-bit floats."))
    one = torch.ones((), device=bench.device)

    def work(side: int) -> Callable[[], object]:
        left, right = (_numbers((side, side), torch.bfloat16, bench.device).to(torch.float8_e4m3fn) for _ in range(2))
        columns = right.t()  # the second one must lie by columns
        return lambda: multiply(left, columns, scale_a=one, scale_b=one, out_dtype=torch.bfloat16)

    return Task(_SIDES, _product_flops, work, lambda side: 6 * side**2)


def _product_flops(side: int) -> float:
    return 2.0 * side**3


# Attention -----------------------------------------------------------------------------------------------------------


def _attentions(bench: Bench) -> Iterator[Part]:
    dtype = memory.choose_dtype(LoadPlan(), bench.device)
    for kernel in Attention:
        yield Part(SpeedKind.ATTENTION, kernel.value, partial(attention_task, bench, kernel, dtype))


def attention_task(bench: Bench, kernel: Attention, dtype: torch.dtype) -> Task:
    """All tokens of a clip with each other.

    Raises:
        WrongResultError: It does not compute the same as the plain one.
        IncompatibleError: The machine does not have the kernel.
    """
    check_attention(kernel, _HEAD_DIM, bench.device, dtype)
    for key_tokens in (_COMPARED_TOKENS, _COMPARED_TEXT_TOKENS):
        off = difference(kernel, dtype, bench.device, key_tokens)
        if not off <= bound(dtype):  # no number is not within it either
            raise WrongResultError(
                tr(
                    "Its result differs by {off:.2g} from the plain one; up to {bound:.2g} is rounding.",
                    off=off,
                    bound=bound(dtype),
                )
            )

    def work(tokens: int) -> Callable[[], object]:
        shape = (1, tokens, _HEADS, _HEAD_DIM)
        query, key, value = (_numbers(shape, dtype, bench.device) for _ in range(3))
        return lambda: _attend(kernel, query, key, value)

    return Task(_TOKENS, _attention_flops, work, lambda tokens: _attention_bytes(kernel, tokens, dtype))


def _attention_flops(tokens: int) -> float:
    """Two products of all pairs of tokens."""
    return 4.0 * _HEADS * _HEAD_DIM * tokens**2


def _attention_bytes(kernel: Attention, tokens: int, dtype: torch.dtype) -> float:
    """Four tensors; the plain kernel computes in float32 and keeps all scores, some of them twice.

    Torch's own choice may be the plain one where nothing else is there.
    """
    tensors = 4.0 * tokens * _HEADS * _HEAD_DIM * dtype.itemsize
    return tensors + (12.0 * _HEADS * tokens**2 if kernel is Attention.MATH else 0.0)


def bound(dtype: torch.dtype) -> float:
    """So far a kernel's result may be from the plain one's, relative to its largest number."""
    return _SAME * max(torch.finfo(dtype).eps, _TF32_EPS)


def difference(kernel: Attention, dtype: torch.dtype, device: torch.device, key_tokens: int) -> float:
    """How far a kernel's result is from the plain formula's in float32, relative to its largest number.

    Args:
        kernel: The kernel.
        dtype: It computes in that.
        device: There.
        key_tokens: So many are looked at; fewer than are looking, as with a prompt, or as many, as within a video.
    """
    query = _numbers((1, _COMPARED_TOKENS, _COMPARED_HEADS, _HEAD_DIM), dtype, device)
    key, value = (_numbers((1, key_tokens, _COMPARED_HEADS, _HEAD_DIM), dtype, device) for _ in range(2))
    found = _attend(kernel, query, key, value).float()
    wide = [tensor.float().transpose(1, 2) for tensor in (query, key, value)]
    weights = torch.softmax(wide[0] @ wide[1].transpose(-1, -2) / _HEAD_DIM**0.5, -1)
    plain = (weights @ wide[2]).transpose(1, 2)
    return float((found - plain).abs().max() / plain.abs().max())


def _attend(kernel: Attention, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """As a transformer's layer does it: batch, tokens, heads, numbers of a head."""
    found: torch.Tensor = dispatch_attention_fn(query, key, value, backend=AttentionBackendName(kernel.value))
    return found


# Copies --------------------------------------------------------------------------------------------------------------


def _copies(bench: Bench) -> Iterator[Part]:
    for name, pinned in (("pinned", True), ("pageable", False)):
        yield Part(SpeedKind.COPY, name, partial(copy_task, bench, pinned=pinned))


def copy_task(bench: Bench, *, pinned: bool) -> Task:
    """Bytes from normal memory to the card.

    Raises:
        PartOffError: There is no card.
    """
    if not bench.on_card:
        raise PartOffError(tr("Nothing is copied: the processor computes where the weights lie."))

    # Not run: no card where this was written.
    def work(size_bytes: int) -> Callable[[], object]:
        source = torch.zeros(size_bytes, dtype=torch.uint8, pin_memory=pinned)
        source.fill_(1)  # pages that were never written to are all the same page
        target = torch.empty(size_bytes, dtype=torch.uint8, device=bench.device)
        return lambda: target.copy_(source, non_blocking=pinned)

    return Task(_COPIES_BYTES, float, work, float)


# The device ----------------------------------------------------------------------------------------------------------


def _numbers(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Ordinary numbers, the same for every kernel: cards are faster with zeros, which need less power."""
    generator = torch.Generator(device).manual_seed(_SEED)
    return torch.randn(shape, generator=generator, dtype=torch.float32, device=device).to(dtype)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _uuid(device: torch.device) -> str:
    if device.type != "cuda":
        return Device.CPU.value
    return f"GPU-{plain_uuid(str(torch.cuda.get_device_properties(device).uuid))}"  # not run: no card
