"""Make the built-in model from nothing: `python -m tools.train_builtin_model`.

Stages, each resumed from its last checkpoint in the work folder: train the VAE, cache latents, train text encoder and
transformer, write the folder that `WanPipeline.from_pretrained` reads. Everything is seeded.
"""

import argparse
import functools
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline
from safetensors.torch import load_file, save_file

from tools.shapes_transformer import (
    FLOW_SHIFT,
    FRAME_COUNTS,
    Latents,
    Trainee,
    encode_scenes,
    latent_statistics,
    make_tokenizer,
    train_transformer,
)
from tools.shapes_vae import PHASES, VAE_CONFIG, make_vae, train_vae
from tools.shapes_world import combinations

ROOT = Path(__file__).resolve().parent.parent
_DRAWS = {9: 12, 17: 8}


def _save(path: Path, state: dict[str, Any]) -> None:
    beside = path.with_suffix(".part")
    torch.save(state, beside)
    beside.replace(path)


def _load(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True) if path.exists() else {}


def _vae(work: Path, *, seed: int) -> AutoencoderKLWan:
    torch.manual_seed(seed)
    vae = make_vae()
    for phase in PHASES:
        finished, checkpoint = work / f"{phase.name}.safetensors", work / f"{phase.name}.ckpt"
        if finished.exists():
            vae.load_state_dict(load_file(finished))
            continue
        vae = train_vae(vae, phase, seed=seed, state=_load(checkpoint), checkpoint=functools.partial(_save, checkpoint))
        save_file(vae.state_dict(), finished)
    return vae.eval()


def _latents(vae: AutoencoderKLWan, work: Path, *, seed: int) -> tuple[dict[int, Latents], list[float], list[float]]:
    caches = {}
    for num_frames in FRAME_COUNTS:
        path, shown = work / f"latents-{num_frames}.ckpt", combinations(held_out=False) * _DRAWS[num_frames]
        if not path.exists():
            _save(path, {"values": encode_scenes(vae, shown, num_frames=num_frames, seed=seed)})
        caches[num_frames] = Latents(_load(path)["values"], shown)
    mean, std = latent_statistics(caches[min(caches)])
    shape = (1, -1, 1, 1, 1)
    scaled = {
        n: Latents((c.values - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape), c.shown)
        for n, c in caches.items()
    }
    return scaled, mean, std


def _write_folder(folder: Path, trainee: Trainee, vae: AutoencoderKLWan, mean: list[float], std: list[float]) -> None:
    finished = AutoencoderKLWan(latents_mean=mean, latents_std=std, **VAE_CONFIG)
    finished.load_state_dict(vae.state_dict())
    pipeline = WanPipeline(
        tokenizer=trainee.tokenizer,
        text_encoder=trainee.text_encoder.half(),
        transformer=trainee.transformer.half(),
        vae=finished.half(),
        scheduler=UniPCMultistepScheduler(
            prediction_type="flow_prediction",
            use_flow_sigmas=True,
            num_train_timesteps=1000,
            flow_shift=FLOW_SHIFT,
            solver_order=2,
        ),
        expand_timesteps=True,
    )
    pipeline.save_pretrained(folder)
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    index.pop("_name_or_path", None)
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name("shapes_model_card.md"), folder / "README.md")
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")


def main() -> None:
    """Run the stages that have not run yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "builtin_model", help="checkpoints and caches")
    parser.add_argument("--out", type=Path, default=ROOT / "resources" / "models" / "shapes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1000, help="of the transformer")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="1 where other programs compute")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    vae = _vae(args.work, seed=args.seed)
    caches, mean, std = _latents(vae, args.work, seed=args.seed)
    torch.manual_seed(args.seed)
    trainee, checkpoint = Trainee(make_tokenizer()), args.work / "transformer.ckpt"
    train_transformer(
        trainee,
        caches,
        steps=args.steps,
        seed=args.seed,
        state=_load(checkpoint),
        checkpoint=functools.partial(_save, checkpoint),
    )
    _write_folder(args.out, trainee, vae, mean, std)


if __name__ == "__main__":
    main()
