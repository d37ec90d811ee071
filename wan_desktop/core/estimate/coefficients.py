"""All numbers of the estimate that are not counted from a model's shape, each with its source.

"Traced" means: live bytes of the real class of diffusers 0.42.1 on torch's meta device at real sizes, attention counted
as its output (`python -m benchmarks.estimate` does it again). "Published" are the tables of Wan2.2's README and those
of FastVideo and LightX2V.
"""

from dataclasses import dataclass

GIB = 1 << 30

# Memory of a process -------------------------------------------------------------------------------------------------

ENGINE_RAM_BYTES = 500_000_000
"""The engine with torch, diffusers and transformers and no model. Measured on Linux with torch for the CPU."""
HEAP_RAM_BYTES = 100_000_000
"""What the C library keeps of freed memory, unless it gives back every large block (`engine.loader`). Measured too."""
CUDA_RAM_BYTES = 1_200_000_000
"""What CUDA's libraries and the driver take of normal memory. Not measured: no card where this was written."""
CUDA_COMMIT_BYTES = 3_000_000_000
"""What they reserve without using it on Windows; 4 GB and more with CUDA 11 (pytorch/pytorch#64560), less since CUDA 12
loads kernels only when they are used."""
CUDA_CONTEXT_BYTES = 800_000_000
"""Context and kernels on the card, 0.5-0.8 GiB, and cuDNN's workspace, 0.1-1 GiB while a VAE computes."""
FRAGMENTATION = 1.06
"""What torch's allocator holds above what is in use: 5-10 %; of large tensors less."""
VIDEO_WRITER_BYTES_PER_PX = 20
"""A group of frames as pixels, on its way to x264."""
VIDEO_WRITER_FRAMES, VIDEO_WRITER_BYTES_PER_FRAME_PX = 60, 3
"""Frames that x264 looks ahead at, of 1.5 bytes a pixel, each of them twice at most."""
VIDEO_BYTES_PER_PX = 0.15
"""Of an mp4 at crf 18, of each frame's pixel; a lively clip has half of it."""
PINNED_PART = 0.4
"""Of the PC's memory may be pinned, as `engine.placement` has it."""

# The VAE -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VaeCosts:
    """For each channel of its widest layers and each pixel; of a patch instead if it works on patches."""

    decode_values: float
    """Most values alive at once while a group of frames is decoded; it does not grow with the length. Traced."""
    decode_first_values: float
    """The same while only the first frame is."""
    encode_values: float
    encode_first_values: float
    encode_flops: float
    """For each channel squared: a group of frames. Counted with torch's FlopCounterMode."""
    encode_first_flops: float


VAE_21 = VaeCosts(52.9, 18.1, 37.3, 10.1, 20.16e6 / 96**2, 6.81e6 / 96**2)
"""Traced at 480 x 832 and 720 x 1280, with 96 and 48 channels; in bfloat16 norms compute in float32: 52.9 instead of
50.8."""
VAE_22 = VaeCosts(84.4, 22.8, 47.5, 12.3, 4 * 14.0e6 / 160**2, 4 * 4.68e6 / 160**2)
"""The residual one, traced at 704 x 1280; it works on patches of 2 x 2 pixels."""
CPU_COLUMNS_BYTES_PER_VALUE, CPU_COLUMNS_MOST_BYTES = 432, 200_000_000
"""On the CPU torch unfolds small inputs of a convolution: 27 copies of four frames in float32 for each channel and
pixel. Larger ones are not unfolded, so that it stays at about 0.2 GB (measured). Where the C library gives back every
large block, none of it is there when most is (measured)."""
DECODED_BYTES_PER_PX = 200
"""A group of frames between decoder and file: 12 values, four times as float32."""
TILE_PX, TILE_STEP_PX = 256, 192
"""Side of a tile and from one to the next, as `AutoencoderKLWan` has them."""

# Time ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Range:
    """From the best that was seen to the worst."""

    best: float
    worst: float


CARD_PART = Range(0.87, 0.28)
"""Of a card's peak that transformers reach in 16 bits. Published: 87 % (A14B on H20), 61 % (A100), 59 % (5B on RTX
4090), 42-51 % (H100); diffusers on an H100 35 %; a fifth less for what slows down a desktop."""
CARD_PART_FLOAT32 = Range(0.5, 0.06)
"""The same in float32: with and without TensorFloat-32."""
CARD_PART_VAE = Range(0.6, 0.05)
"""The same of a VAE, whose convolutions move more than they compute: 2.0 PFLOP and 6.7 TB for 121 frames at 704p."""
CPU_PART = Range(2.5, 0.1)
"""Of a processor's peak in float32, counted for registers of 256 bits: some have 512. What others use too reaches
little. Measured on two cores of a server: 25-220 %."""
CPU_PART_BFLOAT16 = Range(2.0, 0.004)
"""The same in 16 bits, of the peak in float32: four times as fast where the processor has instructions for it, some 100
times slower where not (both measured)."""
CARD_PART_OF_MEASURED = Range(1.1, 0.45)
"""Of what the speed test measured with large products, or with the same attention, that a transformer's layers reach.
Nothing is faster than its products, but the test may have been disturbed. At worst as diffusers on an H100: 35 % of a
peak of which its products reach some 70 %, and a tenth less for a card that gets warm. Derived, not run on a card."""
CPU_PART_OF_MEASURED = Range(1.2, 0.35)
"""The same on a processor. Measured with one thread on a server (AVX-512), a block of 768 to 2000 tokens and 1536 or
3072 channels: 0.83-0.96 in float32, 0.61-0.85 in bfloat16; with 256 channels, where less is products, 0.63, 0.42."""
PRODUCTS_OF_PEAK = 0.75
"""Of the peak that large products reach: A100 and H100 some 70-85 %."""
NOMINAL_TFLOPS, NOMINAL_CPU_TFLOPS = 50.0, 0.5
"""Stand for the peak of a device that is in no table, where renders are compared with the formulas."""
COPY_PART_OF_MEASURED = Range(1.05, 0.75)
PAGEABLE_PART_OF_MEASURED = Range(1.2, 0.5)
"""Of the copies that the speed test measured: weights come in many pieces, and from memory that was not just used.
Derived, not run on a card."""
UNPACKING = Range(1.0, 1.8)
"""Times the time, for weights that each layer makes larger first: GGUF is a third slower than bfloat16 (published)."""
MATH_ATTENTION = Range(1.5, 6.0)
"""Times the attention's time when all scores are written to memory."""
BLOCK_SECONDS = Range(0.0003, 0.006)
"""A block's time beyond its computing: some 60 kernels, each started from Python."""
PCIE_BYTES_PER_S = Range(50e9, 6e9)
"""PCIe 5 x16 to PCIe 3 x8, where nobody knows which."""
UNPINNED_PART = 0.3
"""Of that rate when memory is not pinned: pageable copies go through a buffer of the driver."""
DISK_BYTES_PER_S = Range(7e9, 0.12e9)
"""A fast NVMe drive to a hard disk, where nobody knows which."""
LOADER_BYTES_PER_S = Range(4e9, 0.3e9)
"""Checking and converting tensors while they are read, by one core; files may be cached. Measured: 0.35-1 GB/s on two
loaded cores."""
TEXT_TOKENS = 512
"""Of every prompt, padding included."""
ENCODE_SECONDS_PER_PX = Range(10e-9, 150e-9)
"""x264 through PyAV: measured 43-77 ns on two loaded cores at 1280 x 704."""
SAVE_SECONDS = Range(0.05, 3.0)
"""Writing the file to its end, and its recipe."""
STAGE_SECONDS = Range(0.01, 0.5)
"""What any stage takes besides."""
