"""How often clips of the built-in model and its variants show what was asked for; judged by looking at them.

Every prompt is a combination never trained on, with sizes and lengths in turn; prompts and seeds are fixed by their
numbers in a list (`tests/builtin_clips.py`). `python -m benchmarks.clip_quality [names]`.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tests.builtin_clips import (
    BUCKETS,
    IMAGE_ENCODER,
    TWO_EXPERTS,
    Ask,
    ClipMaker,
    builtin_maker,
    grade,
    pair_asks,
    picture_asks,
    single_asks,
    true_clip,
    variant_maker,
)
from tests.shapes_judge import judge
from tools.shapes_world import combinations
from wan_desktop.core.paths import resources_folder

if TYPE_CHECKING:
    from collections.abc import Callable

SINGLES, PAIRS, PICTURES = 264, 96, 72


def _print(name: str, what: str, asks: list[Ask], results: dict[str, float], seconds: float) -> None:
    shown = "  ".join(
        f"{key} {value:.1f}" if key.startswith("psnr") else f"{key} {100 * value:.1f} %"
        for key, value in results.items()
    )
    print(f"{name:14} {what:9} n {len(asks):4}  {shown}  ({seconds / len(asks):.2f} s a clip)", flush=True)
    print(json.dumps({"name": name, "what": what, "n": len(asks), **results}), flush=True)


def _grade(name: str, maker: ClipMaker, part: float) -> None:
    folder = maker.model.folder
    if folder.takes_text_only:
        tasks = {"one": single_asks(round(SINGLES * part)), "two": pair_asks(round(PAIRS * part))}
    else:
        tasks = {}
    if folder.takes_image:
        tasks["picture"] = picture_asks(round(PICTURES * part))
    for what, asks in tasks.items():
        started = time.perf_counter()
        _print(name, what, asks, grade(maker, asks), time.perf_counter() - started)


def _check_judge() -> None:
    """The judge on true clips."""
    rng, known = random.Random(3), [c for c in combinations(held_out=False) if not c.is_ambiguous]
    asks = [Ask(wanted, *BUCKETS[i % len(BUCKETS)], seed=i) for i, wanted in enumerate(known)]
    wrong = [
        ask.wanted.caption
        for ask in asks
        if not all(judge(true_clip(ask.wanted, rng, ask.size, ask.num_frames)).matches(ask.wanted).values())
    ]
    print(f"judge: right about {len(asks) - len(wrong)} of {len(asks)} true clips {wrong[:5]}", flush=True)


def main() -> None:
    """Grade the named ones, or all."""
    resources = resources_folder()
    with tempfile.TemporaryDirectory() as scratch:

        def variant(name: str) -> ClipMaker:
            folder = Path(scratch) / name
            folder.mkdir()
            return variant_maker(resources, name, folder)

        makers: dict[str, Callable[[], ClipMaker]] = {
            "shapes": lambda: builtin_maker(resources),
            "Q8_0": lambda: builtin_maker(resources, "Q8_0"),
            "fp8": lambda: builtin_maker(resources, "fp8"),
            "Q4_0": lambda: builtin_maker(resources, "Q4_0"),
            TWO_EXPERTS: lambda: variant(TWO_EXPERTS),
            IMAGE_ENCODER: lambda: variant(IMAGE_ENCODER),
        }
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("names", nargs="*", help=f"of {', '.join(makers)}, judge; all if none is given")
        parser.add_argument("--threads", type=int, default=1)
        parser.add_argument("--part", type=float, default=1.0, help="of the prompts, from the front of the list")
        args = parser.parse_args()
        torch.set_num_threads(args.threads)
        if not args.names or "judge" in args.names:
            _check_judge()
        for name, make in makers.items():
            if not args.names or name in args.names:
                _grade(name, make(), args.part)


if __name__ == "__main__":
    main()
