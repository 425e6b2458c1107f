"""What a GPU must not change: bits of a repeated run, and results beyond rounding."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS

from problems import Watcher, config, performed, planned
from properties import assert_same_run

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"),
]
BINARY = {"name": "digits_binary"}
DOMAINS = {"name": "digits_domains"}
CASES: dict[str, dict[str, Any]] = {
    "parameter": {"strategy": {"name": "parameter_transfer"}},
    "batchnorm": {
        "strategy": {"name": "parameter_transfer"},
        "backbone": {"name": "conv", "channels": [4, 8], "norm": "batch"},
    },
    "feature, cached": {
        "strategy": {"name": "feature_transfer"},
        "trainer": {"name": "trainer", "steps": 60, "batch_size": 16, "eval_every": 20},
    },
    "mask": {"strategy": {"name": "structure_transfer", "structure": "mask"}},
    "covariance": {
        "strategy": {"name": "structure_transfer", "structure": "covariance"},
        "backbone": {"name": "conv", "channels": [4, 8]},
    },
    "shared": {"strategy": {"name": "shared_parameters"}, "dataset": BINARY},
    "towers": {"strategy": {"name": "single_task"}, "dataset": BINARY},
    "trace norm": {"strategy": {"name": "task_relation"}, "dataset": BINARY},
    "Ω": {"strategy": {"name": "task_relation", "relation": "covariance"}, "dataset": BINARY},
    "mean": {"strategy": {"name": "task_relation", "relation": "mean"}, "dataset": DOMAINS},
    "B": {"strategy": {"name": "task_transfer"}, "dataset": BINARY},
    "distillation": {
        "strategy": {"name": "task_transfer", "transfer": "distillation"}, "dataset": DOMAINS,
    },
    "born again": {
        "strategy": {"name": "task_transfer", "transfer": "born_again"}, "dataset": BINARY,
    },
    "fused": {"strategy": {"name": "fused"}, "dataset": DOMAINS | {"target": "inverted"}},
    "sgd, best": {
        "strategy": {"name": "joint"},
        "dataset": {"name": "digits", "val_share": 0.2},
        "optimizer": {"name": "sgd", "schedule": "cosine"},
        "trainer": {"name": "trainer", "steps": 8, "eval_every": 2, "select": "best"},
    },
}  # fmt: skip


def done(runs_dir: Path, device: str, **nodes: Any) -> Outcome:
    asked = config(runs_dir, device=device, **nodes)
    return performed(planned(asked, Watcher()), THIS, Watcher())


@pytest.mark.parametrize("case", CASES)
def test_a_run_on_a_gpu_has_the_same_bits_twice_and_those_of_a_cpu_up_to_rounding(
    tmp_path: Path, case: str
) -> None:
    one, again = (done(tmp_path / name, "cuda", **CASES[case]) for name in ("one", "again"))
    on_cpu = done(tmp_path / "cpu", "cpu", **CASES[case])

    assert_same_run(one.path, again.path)
    gpu, cpu = (load_file(run.path / "predictions.safetensors") for run in (one, on_cpu))
    assert gpu.keys() == cpu.keys()
    for name, tensor in gpu.items():
        assert not tensor.is_cuda
        # cuDNN convolves in TF32, ten bits of a mantissa, and BatchNorm divides by small numbers
        assert torch.allclose(tensor.double(), cpu[name].double(), rtol=0.05, atol=0.05), name


def test_stages_of_a_gpu_and_of_a_cpu_are_kept_apart(tmp_path: Path) -> None:
    nodes = CASES["parameter"]
    keys = [
        planned(config(tmp_path, device=device, **nodes), Watcher()).stages[0].key
        for device in ("cpu", "cuda", "cuda:0")
    ]

    assert keys[0] != keys[1] == keys[2]


def test_a_stage_of_a_gpu_is_taken_up_again_to_the_bit(tmp_path: Path) -> None:
    """Its source stage, loaded from the store by another run."""
    alone = done(tmp_path / "a", "cuda", **CASES["parameter"], stages=False)
    done(tmp_path / "b", "cuda", strategy={"name": "source_only"})
    found = done(tmp_path / "b", "cuda", **CASES["parameter"])

    assert_same_run(alone.path, found.path)
