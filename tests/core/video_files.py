"""Small real videos, written as the engine writes them, and a library that knows them."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.fakes.requests import make_request
from wan_desktop.core.generation import Attempt
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.recipe import Recipe
from wan_desktop.core.video_library import ScanReport, VideoEntry, VideoLibrary, VideoQuery
from wan_desktop.engine.video import VideoWriter

RECIPE = Recipe(
    created="2026-11-24T03:00:00+00:00",
    request=make_request(width=64, height=32, num_frames=5),
    revision="sha256:00",
    versions={"torch": "2.13.0"},
    attempts=(Attempt("primary", "done", 1.0),),
    timings_s={"create_frames": 1.25},
)
RED = (200, 30, 30)


def quiet() -> JobContext:
    """A job's context that tells nobody anything."""
    return JobContext("test", lambda *_: None)


def recipe(*, created: str = RECIPE.created, **request: Any) -> Recipe:
    """A recipe with another request."""
    return replace(RECIPE, created=created, request=replace(RECIPE.request, **request))


def write_video(path: Path, text: str | None = None, *, colour: tuple[int, int, int] = RED, **request: Any) -> Path:
    """A video of 64 x 32 pixels, half the colour and half black, with that text as its recipe."""
    made = recipe(**request)
    frames = np.zeros((made.request.num_frames, made.request.height, made.request.width, 3), np.uint8)
    frames[:, :, : made.request.width // 2] = colour
    width, height = made.request.width, made.request.height
    with VideoWriter(path, width=width, height=height, fps=made.request.fps) as writer:
        writer.write(frames)
        writer.finish(made.to_json() if text is None else text)
    return path


def write_foreign(
    path: Path, comment: str = "a day at the sea", *, codec: str = "libx264", frames: int = 1, created: str = ""
) -> Path:
    """A video of 64 x 32 pixels, 8 pictures a second, that some other program has made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        container.metadata["comment"] = comment
        if created:
            container.metadata["creation_time"] = created
        for number in range(frames):
            shade = np.full((32, 64, 3), 40 * number % 256, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def write_sound(path: Path) -> Path:
    """A file of sound alone, under the name of a video."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path


def cut(path: Path, left: float = 0.9) -> Path:
    """Take the end of a file away."""
    os.truncate(path, int(path.stat().st_size * left))
    return path


@dataclass(frozen=True)
class Shelf:
    """A library and its folders."""

    library: VideoLibrary
    data: Path
    videos: Path

    def scan(self) -> ScanReport:
        return self.library.scan([self.videos], quiet())

    def all(self, **query: Any) -> list[VideoEntry]:
        return list(self.library.search(VideoQuery(**query), limit=1000).entries)

    def prompts(self, **query: Any) -> list[str]:
        return [entry.prompt for entry in self.all(**query)]

    def one(self, prompt: str) -> VideoEntry:
        (found,) = (entry for entry in self.all() if entry.prompt == prompt)
        return found


def open_shelf(root: Path) -> Shelf:
    """The library below that folder."""
    data, videos = root / "data", root / "videos"
    videos.mkdir(exist_ok=True)
    return Shelf(VideoLibrary(data / "videos.sqlite3", data / "thumbnails"), data, videos)
