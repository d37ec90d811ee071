"""Make the built-in model and its variants from nothing: `python -m tools.train_builtin_model`.

Stages, each resumed from its last checkpoint in the work folder: train the VAE, cache latents, train text encoder and
transformer, train the variants from them, write the folders. Everything is seeded.
"""

import argparse
import copy
import functools
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanImageToVideoPipeline, WanPipeline
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPImageProcessor

from tools.quantize_model import quantize_model
from tools.shapes_latents import (
    BUCKETS,
    Bucket,
    Latents,
    from_state,
    latent_statistics,
    make_latents,
    normalise,
    to_state,
)
from tools.shapes_text import make_text_encoder, make_tokenizer
from tools.shapes_transformer import (
    BOUNDARY_RATIO,
    FLOW_SHIFT,
    Kind,
    Trainee,
    make_i2v_transformer,
    make_image_encoder,
    make_transformer,
    train_transformer,
)
from tools.shapes_vae import PHASES, VAE_CONFIG, make_vae, train_vae

ROOT = Path(__file__).resolve().parent.parent
STEPS = {Kind.TI2V: 4800, Kind.HIGH_NOISE: 300, Kind.LOW_NOISE: 300, Kind.I2V: 500}
_RATES = {Kind.TI2V: 1.0, Kind.HIGH_NOISE: 0.4, Kind.LOW_NOISE: 0.4, Kind.I2V: 0.6}
_PICTURE_PART = 0.35
"""Of the clips are encoded for the I2V transformer too."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where training is done and with what."""

    folder: Path
    device: torch.device
    seed: int
    steps: dict[Kind, int]

    def keep(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `make` returns, made once and kept in a file."""
        path = self.folder / f"{name}.ckpt"
        if not path.exists():
            _save(path, make())
        return _load(path)

    def train(self, trainee: Trainee, kind: Kind, caches: dict[Bucket, Latents]) -> None:
        """Train, unless it was done; leaves the result in the trainee, on the CPU."""
        name = kind.value.replace(" ", "-")
        finished, checkpoint = self.folder / f"{name}.safetensors", self.folder / f"{name}.ckpt"
        if not finished.exists():
            train_transformer(
                trainee.to(self.device),
                kind,
                caches,
                steps=self.steps[kind],
                rate=_RATES[kind],
                seed=self.seed,
                state=_load(checkpoint),
                checkpoint=functools.partial(_save, checkpoint),
            )
            save_file({key: value.contiguous().clone() for key, value in trainee.cpu().state_dict().items()}, finished)
        trainee.load_state_dict(load_file(finished))


def _save(path: Path, state: dict[str, Any]) -> None:
    beside = path.with_suffix(".part")
    torch.save(state, beside)
    beside.replace(path)


def _load(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True) if path.exists() else {}


def _train_vae(shop: Workshop) -> AutoencoderKLWan:
    torch.manual_seed(shop.seed)
    vae = make_vae().to(shop.device)
    for phase in PHASES:
        finished, checkpoint = shop.folder / f"{phase.name}.safetensors", shop.folder / f"{phase.name}.ckpt"
        if not finished.exists():
            state = _load(checkpoint)
            vae = train_vae(vae, phase, seed=shop.seed, state=state, checkpoint=functools.partial(_save, checkpoint))
            save_file(vae.state_dict(), finished)
        vae.load_state_dict(load_file(finished))
    return vae.eval()


def _encode(vae: AutoencoderKLWan, bucket: Bucket, *, seed: int, picture: bool) -> dict[str, Any]:
    return to_state(make_latents(vae, bucket, seed=seed, part=_PICTURE_PART if picture else 1.0, picture=picture))


def _make_caches(shop: Workshop, vae: AutoencoderKLWan, *, picture: bool) -> dict[Bucket, Latents]:
    caches = {}
    for bucket in BUCKETS:
        name = f"{'pictures' if picture else 'latents'}-{bucket.width}x{bucket.height}x{bucket.num_frames}"
        encode = functools.partial(_encode, vae, bucket, seed=shop.seed, picture=picture)
        caches[bucket] = from_state(shop.keep(name, encode))
    return caches


def _frozen(module: nn.Module) -> Any:
    return copy.deepcopy(module).requires_grad_(False)


def _scheduler() -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        num_train_timesteps=1000,
        flow_shift=FLOW_SHIFT,
        solver_order=2,
    )


def _write_folder(pipeline: WanPipeline | WanImageToVideoPipeline, folder: Path, *, leave_out: tuple[str, ...]) -> None:
    """Write a pipeline without the components that another folder has; `model_index.json` names them all the same."""
    shutil.rmtree(folder, ignore_errors=True)
    pipeline.to(torch.float16).save_pretrained(folder)
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    index.pop("_name_or_path", None)
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    for name in leave_out:
        shutil.rmtree(folder / name)


def main() -> None:
    """Run the stages that have not run yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "builtin_model", help="checkpoints and caches")
    parser.add_argument("--out", type=Path, default=ROOT / "resources" / "models", help="for the model")
    parser.add_argument("--variants-out", type=Path, default=ROOT / "tests" / "models", help="for those only tests use")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS[Kind.TI2V], help="of the model's own transformer")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="1 where other programs compute")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    shop = Workshop(args.work, torch.device(args.device), args.seed, STEPS | {Kind.TI2V: args.steps})
    make_models(shop, args.out, args.variants_out)


def make_models(shop: Workshop, out: Path, variants_out: Path) -> None:
    """Train whatever is not trained yet and write all folders."""
    vae = _train_vae(shop)
    caches = _make_caches(shop, vae, picture=False)
    mean, std = latent_statistics(caches)
    caches = {bucket: normalise(cache, mean, std) for bucket, cache in caches.items()}
    torch.manual_seed(shop.seed)
    tokenizer = make_tokenizer()
    base = Trainee(tokenizer, make_text_encoder(tokenizer), make_transformer())
    shop.train(base, Kind.TI2V, caches)
    finished_vae = AutoencoderKLWan(latents_mean=mean, latents_std=std, **VAE_CONFIG)
    finished_vae.load_state_dict(vae.cpu().state_dict())

    def shared() -> dict[str, Any]:
        return {
            "tokenizer": tokenizer,
            "text_encoder": _frozen(base.text_encoder),
            "vae": copy.deepcopy(finished_vae),
            "scheduler": _scheduler(),
        }

    folder = out / "shapes"
    model = WanPipeline(transformer=copy.deepcopy(base.transformer), expand_timesteps=True, **shared())
    _write_folder(model, folder, leave_out=())
    shutil.copyfile(Path(__file__).with_name("shapes_model_card.md"), folder / "README.md")
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    quantize_model(folder / "transformer", out / "shapes-quantized", "shapes")

    experts = {}
    for kind in (Kind.HIGH_NOISE, Kind.LOW_NOISE):
        expert = Trainee(tokenizer, _frozen(base.text_encoder), copy.deepcopy(base.transformer))
        shop.train(expert, kind, caches)
        experts[kind] = expert.transformer
    pair = WanPipeline(
        transformer=experts[Kind.HIGH_NOISE],
        transformer_2=experts[Kind.LOW_NOISE],
        boundary_ratio=BOUNDARY_RATIO,
        **shared(),
    )
    _write_folder(pair, variants_out / "shapes-two-experts", leave_out=("tokenizer", "text_encoder", "vae"))

    pictures = _make_caches(shop, vae.to(shop.device), picture=True)
    pictures = {bucket: normalise(cache, mean, std) for bucket, cache in pictures.items()}
    torch.manual_seed(shop.seed)
    i2v = Trainee(tokenizer, _frozen(base.text_encoder), make_i2v_transformer(base.transformer), make_image_encoder())
    shop.train(i2v, Kind.I2V, pictures)
    with_encoder = WanImageToVideoPipeline(
        transformer=i2v.transformer,
        image_encoder=i2v.image_encoder,
        image_processor=CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}),
        **shared(),
    )
    _write_folder(with_encoder, variants_out / "shapes-image-encoder", leave_out=("tokenizer", "text_encoder", "vae"))


if __name__ == "__main__":
    main()
