"""Bytes: where weights lie in each stage, and what is alive beside them while it computes."""

from dataclasses import dataclass

from wan_desktop.core.attention import Attention
from wan_desktop.core.estimate import coefficients as c
from wan_desktop.core.estimate.records import Machine, Workload
from wan_desktop.core.load_plan import (
    Device,
    LoadPlan,
    Placement,
    Precision,
    Storage,
    TextEncoderPolicy,
    VaePolicy,
)
from wan_desktop.core.messages import Stage
from wan_desktop.core.model_shape import ModelShape, TransformerShape, VaeShape

_BFLOAT16_CAPABILITY = (8, 0)
_STREAMING = (Placement.BLOCKS, Placement.LEAVES)


@dataclass(frozen=True, slots=True)
class Setup:
    """A plan on a machine, with nothing left open."""

    on_card: bool
    precision: Precision
    plan: LoadPlan

    @property
    def itemsize(self) -> int:
        """Bytes of a number in transformer and text encoder."""
        return 4 if self.precision is Precision.FLOAT32 else 2

    @property
    def decoder_itemsize(self) -> int:
        """Bytes of a number in the VAE's decoder, as `engine.components` loads it."""
        in_half = self.plan.vae is VaePolicy.BFLOAT16 or (self.plan.vae is VaePolicy.TILED and self.on_card)
        return 2 if in_half else 4


def set_up(plan: LoadPlan, machine: Machine) -> Setup:
    """What the engine will choose where the plan leaves it open (`engine.memory`)."""
    on_card = plan.device is Device.CUDA or (plan.device is Device.AUTO and bool(machine.vram_total_bytes))
    precision = plan.precision
    if precision is Precision.AUTO and not on_card:
        precision = Precision.FLOAT32
    elif precision is Precision.AUTO:
        capability = machine.compute_capability
        has_bfloat16 = capability is None or capability >= _BFLOAT16_CAPABILITY
        precision = Precision.BFLOAT16 if has_bfloat16 else Precision.FLOAT16
    return Setup(on_card, precision, plan)


def gives_back(shape: ModelShape, plan: LoadPlan) -> bool:
    """Freed blocks go back to the system at once, as `engine.loader` arranges it where weights come and go."""
    comes_late = plan.one_expert and shape.experts == 2
    return comes_late or plan.placement is Placement.DISK or plan.storage is Storage.FP8


# Weights -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of a model's parts as they lie in memory."""

    expert: int
    """One transformer."""
    block: int
    beside_blocks: int
    """What of a transformer is in no block."""
    layer: int
    """The largest layer of a block."""
    unpacked: int
    """What a layer needs besides, to make its weights larger."""
    text: int
    image: int
    vae: int


def weights_of(shape: ModelShape, setup: Setup) -> Weights:
    """How large the parts are in the formats of a plan."""
    inner, itemsize = shape.transformer, setup.itemsize
    layer = inner.largest_block_layer
    expert, block, layer_bytes, unpacked = _plain(inner, itemsize)
    if inner.quantised:
        part = inner.stored_bytes / max(1, expert)
        expert, block, layer_bytes = inner.stored_bytes, round(block * part), round(layer_bytes * part)
        # Turning blocks back takes 4-7.2 bytes a weight in 16 bits (measured on one linear layer).
        unpacked = round((5.2 + itemsize) * layer)
    elif setup.plan.storage is Storage.FP8:
        saved = itemsize - 1
        saved_block = saved * (inner.block_parameters - inner.block_fp32_parameters)
        expert, block = expert - inner.num_layers * saved_block, block - saved_block
        layer_bytes, unpacked = layer, itemsize * layer
    text = shape.text_encoder
    # transformers keeps these in float32 beside float16, where they would overflow (`_keep_in_fp32_modules`).
    kept = text.layers * text.d_ff * text.d_model if setup.precision is Precision.FLOAT16 else 0
    vae = shape.vae
    return Weights(
        expert=expert,
        block=block,
        beside_blocks=max(0, expert - inner.num_layers * block),
        layer=layer_bytes,
        unpacked=unpacked,
        text=itemsize * text.parameters + (4 - itemsize) * kept,
        image=4 * shape.image_encoder_parameters,
        vae=4 * (vae.parameters - vae.decoder_parameters) + setup.decoder_itemsize * vae.decoder_parameters,
    )


def _plain(inner: TransformerShape, itemsize: int) -> tuple[int, int, int, int]:
    """Bytes of a transformer, of a block, of its largest layer, and of nothing besides."""
    extra = 4 - itemsize
    return (
        itemsize * inner.parameters + extra * inner.fp32_parameters,
        itemsize * inner.block_parameters + extra * inner.block_fp32_parameters,
        itemsize * inner.largest_block_layer,
        0,
    )


# What is alive while it computes -------------------------------------------------------------------------------------


def transformer_bytes(shape: ModelShape, workload: Workload, setup: Setup) -> int:
    """Most bytes alive beside the weights during a forward, by counting what a block holds.

    A block of diffusers 0.42 holds, for each token and channel: its input, what became of it, a normed copy and the
    attention's output, `itemsize` each; while its feed-forward net computes, the inner layer before and after GELU;
    after it three float32 copies (two where the rest is float32 too). While queries are turned: the first two, q, k and
    v, the result, and three halves in float32. Traced: within 1 % for all Wan models.
    """
    inner, size = shape.transformer, setup.itemsize
    tokens = shape.tokens(workload.width, workload.height, workload.num_frames)
    dim, head_dim = inner.dim, inner.dim // inner.heads
    after = 5 * size * dim + (12 if size == 2 else 8) * dim
    values = max(4 * size * dim + 2 * size * inner.ffn_dim, after, (6 * size + 6) * dim)
    if shape.expand_timesteps and workload.has_image:
        # One timestep a token: its six shifts and scales, itself, and their sum with the table in float32.
        values = max(values + (7 * size + 24) * dim, (8 * size + 48) * dim)
    positions = 8 * head_dim
    latents = 32 * shape.vae.z_dim * 4 + 4 * 4 * inner.in_channels  # the solver's copies; a token covers four of them
    total = tokens * (values + positions + latents)
    if setup.plan.attention is Attention.MATH:
        total += 8 * inner.heads * tokens**2  # scores, before and after the softmax, in float32 (traced)
    return total


def text_bytes(shape: ModelShape, setup: Setup) -> int:
    """While a prompt is read: three copies of all scores (traced: 201 MB of UMT5-XXL in float32, 101 in bfloat16)."""
    text = shape.text_encoder
    return setup.itemsize * c.TEXT_TOKENS * (3 * c.TEXT_TOKENS * text.heads + 2 * text.d_ff)


def decode_bytes(shape: ModelShape, workload: Workload, setup: Setup) -> int:
    """While latents become frames."""
    vae = shape.vae
    width, height = workload.width, workload.height
    if is_tiled(workload, setup):
        width, height = min(width, c.TILE_PX), min(height, c.TILE_PX)
    costs = vae_costs(vae)
    values = costs.decode_first_values if workload.num_frames == 1 else costs.decode_values
    computing = setup.decoder_itemsize * values * vae.decoder_base_dim * width * height / vae.patch**2
    if not setup.on_card and not gives_back(shape, setup.plan):
        columns = c.CPU_COLUMNS_BYTES_PER_VALUE * vae.decoder_base_dim * width * height / vae.patch**2
        computing += min(c.CPU_COLUMNS_MOST_BYTES, columns)
    latents = 8 * vae.z_dim * shape.latent_frames(workload.num_frames) * _latents(workload, vae)
    return round(computing) + c.DECODED_BYTES_PER_PX * workload.width * workload.height + latents


def tile_buffer_bytes(shape: ModelShape, workload: Workload, setup: Setup) -> int:
    """Tiles that wait in normal memory until all are there."""
    if not is_tiled(workload, setup):
        return 0
    pixels = tiled_px(workload.width) * tiled_px(workload.height)
    return 3 * setup.decoder_itemsize * pixels * (workload.num_frames + shape.vae.scale_temporal)


def video_writer_bytes(workload: Workload) -> int:
    """Frames that wait in the encoder."""
    frames = min(c.VIDEO_WRITER_FRAMES, workload.num_frames)
    per_px = c.VIDEO_WRITER_BYTES_PER_PX + frames * c.VIDEO_WRITER_BYTES_PER_FRAME_PX
    return per_px * workload.width * workload.height


def is_tiled(workload: Workload, setup: Setup) -> bool:
    """Whether the decoder works in tiles."""
    return setup.plan.vae is VaePolicy.TILED and max(workload.width, workload.height) > c.TILE_PX


def tiled_px(side: int) -> int:
    """A side of the video, what tiles overlap counted twice."""
    return sum(min(c.TILE_PX, side - start) for start in range(0, side, c.TILE_STEP_PX))


def encode_bytes(shape: ModelShape, workload: Workload) -> int:
    """While a start image is encoded, always in float32; as a whole video with blank frames, unless it is kept."""
    vae, costs = shape.vae, vae_costs(shape.vae)
    pixels = workload.width * workload.height
    alone = shape.expand_timesteps or workload.num_frames == 1
    values = costs.encode_first_values if alone else costs.encode_values
    frames = 1 if alone else workload.num_frames
    pictures = 2 * 12 * frames * pixels  # 3 float32 values a pixel; the blank ones and all of them
    return pictures + round(4 * values * vae.base_dim * pixels / vae.patch**2)


def vae_costs(vae: VaeShape) -> c.VaeCosts:
    """Of its kind."""
    return c.VAE_22 if vae.is_residual else c.VAE_21


def _latents(workload: Workload, vae: VaeShape) -> int:
    return -(-workload.width // vae.scale_spatial) * -(-workload.height // vae.scale_spatial)


# By stage ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Need:
    """What a stage needs: tensors on the card, and normal memory of the process."""

    vram: int
    ram: int


def needs(shape: ModelShape, workload: Workload, setup: Setup, machine: Machine, weights: Weights) -> dict[Stage, Need]:
    """What each stage needs, before what splitting and CUDA itself take."""
    computing = {
        Stage.LOAD_MODEL: 0,
        Stage.READ_PROMPT: text_bytes(shape, setup),
        Stage.PREPARE_IMAGE: encode_bytes(shape, workload) if workload.has_image else 0,
        Stage.CREATE_FRAMES: transformer_bytes(shape, workload, setup) + weights.unpacked,
        Stage.BUILD_PICTURES: decode_bytes(shape, workload, setup),
        Stage.SAVE_VIDEO: 0,
    }
    ram = _ram_weights(shape, setup, weights, machine)
    ram[Stage.BUILD_PICTURES] += tile_buffer_bytes(shape, workload, setup)
    ram[Stage.BUILD_PICTURES] += video_writer_bytes(workload)
    base = c.ENGINE_RAM_BYTES + (c.CUDA_RAM_BYTES if setup.on_card else 0)
    base += 0 if gives_back(shape, setup.plan) else c.HEAP_RAM_BYTES
    if not setup.on_card:
        return {stage: Need(0, base + ram[stage] + computing[stage]) for stage in computing}
    vram = _vram_weights(shape, setup, weights)
    reads_on_cpu = setup.plan.text_encoder is TextEncoderPolicy.CPU
    result = {}
    for stage, alive in computing.items():
        moved = reads_on_cpu and stage is Stage.READ_PROMPT
        result[stage] = Need(
            vram[stage] + (0 if moved else alive),
            base + ram[stage] + (alive if moved else 0),
        )
    return result


def _vram_weights(shape: ModelShape, setup: Setup, weights: Weights) -> dict[Stage, int]:
    """Weights on the card in each stage."""
    plan = setup.plan
    text = 0 if plan.text_encoder is TextEncoderPolicy.CPU else weights.text
    if plan.placement is Placement.RESIDENT:
        kept_text = weights.text if plan.text_encoder is TextEncoderPolicy.KEEP else 0
        comes_late = plan.one_expert and shape.experts == 2
        before = kept_text + weights.image + weights.vae + (0 if comes_late else shape.experts * weights.expert)
        during = before + (weights.expert if comes_late else 0)
        return {
            Stage.LOAD_MODEL: before,
            Stage.READ_PROMPT: before - kept_text + text,
            Stage.PREPARE_IMAGE: before,
            Stage.CREATE_FRAMES: during,
            Stage.BUILD_PICTURES: during,
            Stage.SAVE_VIDEO: during,
        }
    at_work = {
        Placement.COMPONENT: weights.expert,
        Placement.BLOCKS: weights.beside_blocks + 2 * weights.block,  # the next one comes while one computes
        Placement.LEAVES: 2 * max(weights.layer, setup.itemsize * shape.transformer.largest_layer),
        Placement.DISK: weights.beside_blocks + weights.block,
    }
    return {
        Stage.LOAD_MODEL: 0,
        Stage.READ_PROMPT: text,
        Stage.PREPARE_IMAGE: max(weights.vae, weights.image),
        Stage.CREATE_FRAMES: min(weights.expert, at_work[plan.placement]),
        Stage.BUILD_PICTURES: weights.vae,
        Stage.SAVE_VIDEO: 0,
    }


def _streamed_text_bytes(shape: ModelShape) -> int:
    """One layer in float32 beside its tensors as the file has them; of the embeddings only some rows are read."""
    inner = shape.text_encoder
    layers = inner.parameters - inner.vocab * inner.d_model
    return 2 * 4 * layers // max(1, inner.layers)


def _ram_weights(shape: ModelShape, setup: Setup, weights: Weights, machine: Machine) -> dict[Stage, int]:
    """Weights in normal memory in each stage, and what loading them needs for a while."""
    plan, reading = setup.plan, _reading_bytes(shape, setup)
    stays = not (setup.on_card and plan.placement is Placement.RESIDENT)
    in_files = plan.placement is Placement.DISK
    expert = (weights.beside_blocks if in_files else weights.expert) if stays else 0
    # GGUF comes as a whole, and goes to its place only then; other weights go one by one.
    arriving = (weights.expert - expert if shape.transformer.quantised else 0) + reading["transformer"]
    comes_late = plan.one_expert and shape.experts == 2
    kept_text = plan.text_encoder is TextEncoderPolicy.KEEP
    small = (weights.image + weights.vae) if stays else 0

    held, peak = 0, 0
    if kept_text:
        peak = weights.text + reading["text_encoder"]
        held = weights.text if stays else 0
    peak = max(peak, held + weights.image)
    held += weights.image if stays else 0
    for _ in range(0 if comes_late else shape.experts):
        peak = max(peak, held + expert + arriving)
        held += expert
    peak = max(peak, held + weights.vae)
    held += weights.vae if stays else 0

    others = (weights.text if kept_text and stays else 0) + small
    experts = expert if comes_late else shape.experts * expert
    create = max(others + experts + (arriving if comes_late else 0), held + _pinning(weights, setup, machine))
    prompt = held
    if plan.text_encoder is TextEncoderPolicy.CPU:
        prompt += _streamed_text_bytes(shape)
    elif not kept_text:
        prompt += weights.text + reading["text_encoder"]
    return {
        Stage.LOAD_MODEL: peak,
        Stage.READ_PROMPT: prompt,
        Stage.PREPARE_IMAGE: held,
        Stage.CREATE_FRAMES: create,
        Stage.BUILD_PICTURES: others + experts,
        Stage.SAVE_VIDEO: others + experts,
    }


def _reading_bytes(shape: ModelShape, setup: Setup) -> dict[str, int]:
    """What the largest tensor needs while it is read, beside its place in memory.

    Its numbers as the file has them, if they become others; and a copy without signs and two truth values a number,
    with which torch looks for what is no number.
    """
    text, inner, itemsize = shape.text_encoder, shape.transformer, setup.itemsize
    text_size = _file_itemsize(shape.weights_bytes.get("text_encoder", 0), text.parameters)
    # These are made smaller only when all are there (`engine.components`).
    late = max(0, text_size - itemsize) * text.layers * text.d_ff * text.d_model
    size = 1 if inner.quantised else _file_itemsize(inner.stored_bytes, inner.parameters)
    return {
        "text_encoder": _checking(text_size, itemsize) * text.vocab * text.d_model + late,
        "transformer": _checking(size, itemsize) * inner.largest_layer,
    }


def _checking(file_itemsize: int, itemsize: int) -> int:
    return file_itemsize + 2 + (file_itemsize if file_itemsize != itemsize else 0)


def _file_itemsize(size_bytes: int, parameters: int) -> int:
    return min(4, max(1, round(size_bytes / max(1, parameters)))) if size_bytes else 2


def _pinning(weights: Weights, setup: Setup, machine: Machine) -> int:
    """What pinning a streaming transformer takes on top while it is done, as `engine.placement` decides it.

    With blocks, diffusers makes all copies before it lets one go. Copies are as large as what they are made of, since
    the engine is started with `pinned_max_round_threshold_mb:1` (c10's AllocatorConfig; else up to twice as large).
    """
    if not setup.on_card or setup.plan.placement not in _STREAMING:
        return 0
    if machine.ram_total_bytes is not None and weights.expert > c.PINNED_PART * machine.ram_total_bytes:
        return 2 * weights.block
    return weights.expert if setup.plan.placement is Placement.BLOCKS else 2 * weights.layer


def disk_bytes(shape: ModelShape, workload: Workload, setup: Setup, weights: Weights) -> int:
    """Files that a render makes: blocks of the transformers, latents until the video is written, and the video."""
    blocks = shape.transformer.num_layers * weights.block
    experts = 1 if setup.plan.one_expert else shape.experts
    in_files = experts * blocks if setup.plan.placement is Placement.DISK else 0
    latents = 4 * shape.vae.z_dim * shape.latent_frames(workload.num_frames) * _latents(workload, shape.vae)
    pixels = workload.width * workload.height * workload.num_frames
    return in_files + latents + round(c.VIDEO_BYTES_PER_PX * pixels)
