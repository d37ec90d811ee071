"""The library of videos: searches in a large index, and scans that find nothing new.

1. Searches in 10,000 entries with prompts of some 40 words, each as the window asks: a page of 100 and how many there
   are in all.
2. Scans of 1,000 videos that are known and unchanged, beside listing the folder and asking for every file's size and
   time, which no scan can do without; and the first scan, which opens each.
"""

import argparse
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.measure import interleaved, report
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.generation import Attempt, GenerationRequest
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.recipe import Recipe, recipe_id
from wan_desktop.core.thumbnails import Thumbnails
from wan_desktop.core.video_library import Sort, VideoLibrary, VideoQuery, index
from wan_desktop.core.video_library.database import Database
from wan_desktop.core.video_library.entry import VideoFacts
from wan_desktop.engine.video import VideoWriter

_WORDS = tuple(f"{a}{b}{c}" for a in ("fo", "sno", "ri", "mo", "ka") for b in "aeiou" for c in ("x", "w", "ver", "on"))
_MODELS = ("wan2.2-t2v-a14b", "wan2.2-i2v-a14b", "wan2.2-ti2v-5b")


@dataclass(frozen=True, slots=True)
class _Size:
    """How much is measured."""

    entries: int
    files: int
    runs: int


_FULL = _Size(entries=10_000, files=1_000, runs=31)
_QUICK = _Size(entries=200, files=5, runs=2)


def _recipe(number: int, prompt: str) -> Recipe:
    request = GenerationRequest(
        model_id=_MODELS[number % len(_MODELS)],
        mode=GenerationMode.T2V,
        prompt=prompt,
        negative_prompt="bright colours, overexposed, static, blurred details, subtitles, worst quality " * 4,
        width=832,
        height=480,
        num_frames=81,
        fps=16,
        num_inference_steps=40,
        guidance_scale=5.0,
        seed=number,
    )
    return Recipe(
        created=f"2026-{1 + number % 12:02}-{1 + number % 28:02}T03:00:00.{number:06}+00:00",
        request=request,
        revision="0" * 40,
        versions={"torch": "2.13.0", "diffusers": "0.42.1", "wan_desktop": "1.0.0"},
        attempts=(Attempt("resident", "done", 120.0),),
        timings_s={"load_model": 30.0, "read_prompt": 1.0, "create_frames": 80.0, "build_pictures": 9.0},
    )


def _facts(folder: Path, number: int, dice: random.Random) -> VideoFacts:
    recipe = _recipe(number, f"{' '.join(dice.choices(_WORDS, k=40))} number{number}.")
    text, request = recipe.to_json(), recipe.request
    return VideoFacts(
        path=folder / f"{number}.mp4",
        recipe_id=recipe_id(text),
        recipe_json=text,
        created=recipe.created,
        prompt=request.prompt,
        model_id=request.model_id,
        variant="",
        mode=request.mode,
        width=request.width,
        height=request.height,
        num_frames=request.num_frames,
        fps=float(request.fps),
        seed=request.seed,
        size_bytes=8_000_000,
        mtime_ns=number,
    )


def _fill(file: Path, folder: Path, entries: int) -> None:
    dice = random.Random(7)
    database = Database(file)
    with database.writing() as connection:
        for number in range(entries):
            video_id, _ = index.put(connection, _facts(folder, number, dice), None)
            if number % 10 == 0:
                index.give(connection, video_id, favourite=True, tags=["best", f"trip {number % 7}"])
    database.close()


def _search_seconds(library: VideoLibrary, query: VideoQuery, offset: int, *, nothing: bool) -> float:
    started_s = time.perf_counter()
    page = library.search(query, offset=offset, limit=100)
    seconds = time.perf_counter() - started_s
    if bool(page.total) == nothing:
        raise RuntimeError(f"{query} found {page.total}")
    return seconds


def _compare_searches(work: Path, size: _Size) -> None:
    file = work / "videos.sqlite3"
    started_s = time.perf_counter()
    _fill(file, work / "videos", size.entries)
    print(f"{size.entries} entries put in one transaction: {time.perf_counter() - started_s:.2f} s")
    library = VideoLibrary(file, work / "thumbnails")
    queries = {
        "all, newest": VideoQuery(),
        "all, by name": VideoQuery(sort=Sort.NAME),
        "one word": VideoQuery(text="foax"),
        "three words": VideoQuery(text="fo sno ria"),
        "a word of one video": VideoQuery(text="number77."),
        "a word that is nowhere": VideoQuery(text="zebra"),
        "word, favourites, model": VideoQuery(text="fo", favourites=True, model_id=_MODELS[0]),
        "a tag": VideoQuery(tag="best"),
    }
    contenders: dict[str, Callable[[], float]] = {
        name: partial(_search_seconds, library, query, 0, nothing=query.text == "zebra")
        for name, query in queries.items()
    }
    contenders["all, last page"] = partial(
        _search_seconds, library, VideoQuery(), max(0, size.entries - 100), nothing=False
    )
    report(
        f"Search in {size.entries} videos, a page of 100",
        interleaved(size.runs, contenders),
        goal="each <= 0.05 s",
    )
    library.close()
    _compare_openings(file, work, size)


def _compare_openings(file: Path, work: Path, size: _Size) -> None:
    def opened() -> float:
        started_s = time.perf_counter()
        library = VideoLibrary(file, work / "thumbnails")
        seconds = time.perf_counter() - started_s
        library.close()
        return seconds

    report(f"Open the index of {size.entries} videos, checked", interleaved(size.runs, {"open": opened}))


def write_videos(folder: Path, files: int) -> None:
    """Real videos, each with a recipe of its own; encoded once for each, since the recipe lies in the header."""
    frames = np.zeros((5, 64, 64, 3), np.uint8)
    for number in range(files):
        with VideoWriter(folder / f"{number % 10}" / f"{number}.mp4", width=64, height=64, fps=16) as writer:
            writer.write(frames)
            writer.finish(_recipe(number, f"video {number} of many").to_json())


def _list_seconds(folder: Path) -> float:
    started_s = time.perf_counter()
    for path in folder.rglob("*.mp4"):
        path.stat()
    return time.perf_counter() - started_s


def _scan_seconds(library: VideoLibrary, folder: Path, *, new: int) -> float:
    started_s = time.perf_counter()
    found = library.scan([folder], JobContext("benchmark", lambda *_: None))
    seconds = time.perf_counter() - started_s
    if found.new != new or found.unreadable:
        raise RuntimeError(str(found))
    return seconds


def _first_scan_seconds(work: Path, folder: Path, files: int) -> float:
    data = work / "first"
    shutil.rmtree(data, ignore_errors=True)
    library = VideoLibrary(data / "videos.sqlite3", data / "thumbnails")
    seconds = _scan_seconds(library, folder, new=files)
    library.close()
    return seconds


def _thumbnail_seconds(work: Path, folder: Path) -> float:
    shutil.rmtree(work / "small", ignore_errors=True)
    thumbnails = Thumbnails(work / "small")
    paths = sorted(folder.rglob("*.mp4"))[:20]
    started_s = time.perf_counter()
    for path in paths:
        thumbnails.get(path)
    return (time.perf_counter() - started_s) / len(paths)


def _compare_scans(work: Path, size: _Size) -> None:
    folder = work / "videos"
    write_videos(folder, size.files)
    library = VideoLibrary(work / "scan.sqlite3", work / "thumbnails")
    _scan_seconds(library, folder, new=size.files)
    results = interleaved(
        size.runs,
        {
            "list the folder": partial(_list_seconds, folder),
            "scan": partial(_scan_seconds, library, folder, new=0),
        },
    )
    report(f"Scan of {size.files} unchanged videos", results, anchor="list the folder", goal="scan <= 1 s")
    library.close()
    runs = min(size.runs, 5)
    first = interleaved(runs, {"scan": partial(_first_scan_seconds, work, folder, size.files)})
    report(f"First scan of {size.files} videos", first)
    report("One thumbnail of 64 x 64 pixels", interleaved(runs, {"get": partial(_thumbnail_seconds, work, folder)}))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench video_library", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs: the figures mean nothing")
    parser.add_argument("--runs", type=int, default=_FULL.runs, help="of each contender, after one that does not count")
    options = parser.parse_args(arguments)
    size = _QUICK if options.quick else replace(_FULL, runs=options.runs)
    with tempfile.TemporaryDirectory() as name:
        _compare_searches(Path(name), size)
        _compare_scans(Path(name), size)


if __name__ == "__main__":
    main()
