"""φ of a finished run as a module by itself: it takes inputs as the data set holds them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tlrun.models.build import build
from tlrun.models.trunk import Trunk, set_memory_format, tracked_domain
from tlrun.runs.outcome import load_run
from tlrun.runs.trained_model import backbone_of, config_of, input_spec
from tlrun.store.files import read_json

if TYPE_CHECKING:
    from torch import Tensor, nn

ONLY = "trunks.*."  # what stands before the tensors of a φ that is the only one
STATISTICS = "statistics."


def load_backbone(path: str | Path, domain: str | None = None) -> nn.Module:
    """φ of the finished run in the folder `path`, in eval mode, from inputs [B, …] to z [B, d].

    Images are given as they are held, as bytes for instance: preparing them is φ's first module.

    domain: whose statistics of BatchNorm it has; None: those that a domain which was never trained
        on borrows.

    Raises FileNotFoundError or ValueError as `load_run` does, and ValueError where the run has no φ
    of its own, or several.
    """
    from safetensors.torch import load_file

    run = load_run(path)
    run.check_deciding()
    folder = run.path
    found = load_file(folder / "model.safetensors")
    tensors = {n.removeprefix(ONLY): t for n, t in found.items() if n.startswith(ONLY)}
    if not tensors:
        raise ValueError(f"{path}: expected a run with one φ, found none, several, or folds")
    config = config_of(folder)
    trunk = Trunk(build(backbone_of(folder, config), input_spec(folder)))
    set_memory_format(trunk, config["trainer"]["memory_format"])  # to the bit what the run had
    trunk.track(_domains(tensors))
    trunk.load_state_dict(tensors)
    data = read_json(folder / "data.json")
    domains = list(dict.fromkeys(row["domain"] for row in data["splits"]))
    if domain is not None and domain not in domains:
        expected = f"one of the domains {', '.join(domains)}"
        raise ValueError(f"{path}: expected {expected}, found {domain}")
    phi = trunk.backbone
    phi.load_state_dict({**phi.state_dict(), **trunk.extractor(domain or "")})
    return phi.eval()


def _domains(tensors: dict[str, Tensor]) -> list[str]:
    """The domains that have statistics of their own, in order, each once."""
    names = [n.removeprefix(STATISTICS) for n in tensors if n.startswith(STATISTICS)]
    return list(dict.fromkeys(tracked_domain(n.partition("/")[0]) for n in names))
