"""What the scenes need of files: tiny models, videos for the library, a start image; made once for all looks."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tools.pictures.scenery import paint, paint_clip

PROMPTS = (
    "A fox walks through fresh snow at sunrise, its breath visible in the cold air",
    "A small sailing boat crosses a calm bay, seen from above, late afternoon light",
    "Steam rises from a cup of tea on a wooden table while rain runs down the window behind it",
    "A lighthouse in a storm, waves break over the rocks",
    "Morning mist drifts through a pine forest, slow tracking shot",
    "A paper boat floats down a small stream between mossy stones",
    "Hot-air balloons rise above a valley at dawn",
    "An old tram turns a corner in the rain, its lights on the wet street",
    "Tall grass moves in the wind, a mountain in the distance",
    "A cat looks out of the window while snow falls",
    "Clouds race over a mountain lake, time lapse",
    "A potter shapes a bowl on a wheel, close-up of the hands",
)
_FPS, _FRAMES = 16, 33
_MODELS = ("wan2.2-ti2v-5b", "wan2.1-t2v-1.3b", "wan2.2-i2v-a14b")


@dataclass(frozen=True, slots=True)
class Props:
    """Where they lie."""

    folder: Path

    @property
    def form_model(self) -> Path:
        """A tiny model that takes text and images."""
        return self.folder / "ti2v"

    @property
    def hub_model(self) -> Path:
        """A tiny model for the Hub."""
        return self.folder / "t2v"

    @property
    def start_image(self) -> Path:
        """A photograph, 1600 x 1200."""
        return self.folder / "mountain lake.png"

    def put_videos(self, folder: Path, count: int | None = None) -> list[Path]:
        """Copy videos into a folder, the oldest first; `count` of them, or all."""
        folder.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copy(file, folder)) for file in sorted((self.folder / "videos").glob("*.mp4"))[:count]]


def make_props(folder: Path) -> Props:
    """Make all of them; imports torch."""
    from tests.fakes.tiny_models import make_tiny_model  # noqa: PLC0415 - torch, which takes seconds

    props = Props(folder)
    make_tiny_model("ti2v", props.form_model)
    make_tiny_model("t2v", props.hub_model)
    make_pictures(props)
    return props


def make_pictures(props: Props, *, shrink: int = 1) -> None:
    """Make the start image and the videos, each `shrink` times as small and as short as they are in the pictures."""
    Image.fromarray(paint(1600 // shrink, 1200 // shrink, 0.3, 1)).save(props.start_image)
    for number, prompt in enumerate(PROMPTS):
        _write_video(props.folder / "videos", number, prompt, shrink)


def _write_video(folder: Path, number: int, prompt: str, shrink: int) -> None:
    from tests.core.video_files import recipe  # noqa: PLC0415 - in the process that makes them
    from wan_desktop.engine.video import VideoWriter  # noqa: PLC0415 - as above

    long, short, frames = 832 // shrink, 480 // shrink, 4 * (_FRAMES // shrink // 4) + 1
    width, height = (long, short) if number % 5 != 3 else (short, long)
    made = recipe(
        created=f"2026-11-{number + 3:02}T{9 + number % 9:02}:20:00+00:00",
        model_id=_MODELS[number % 2],
        prompt=prompt,
        negative_prompt="",
        width=width,
        height=height,
        num_frames=frames,
        fps=_FPS,
        num_inference_steps=30,
        guidance_scale=5.0,
        seed=418_200 + 37 * number,
    )
    name = " ".join(prompt.replace(",", "").split()[:4])
    with VideoWriter(folder / f"{number:02} {name}.mp4", width=width, height=height, fps=_FPS) as writer:
        writer.write(np.stack(list(paint_clip(width, height, frames, number))))
        writer.finish(made.to_json())
