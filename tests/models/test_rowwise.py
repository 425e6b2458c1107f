import pytest
import torch
from torch import Tensor, nn

from tlrun.models.backbone import Pixels
from tlrun.models.preparation import Preparation
from tlrun.models.rowwise import BY_ROWS, by_rows
from tlrun.models.text_layers import TokenDropout


class Centred(nn.Module):
    """A layer of somebody's, in which every row depends on all."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(dim=0)


class Ours(nn.Linear):
    """What a subclass does is its own affair."""


@pytest.mark.parametrize(
    ("phi", "rows"),
    [
        (nn.Flatten(), True),
        (nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU()), True),
        (nn.Sequential(Preparation(), nn.Linear(4, 3)), True),
        (nn.Sequential(Preparation(Pixels((0.5,), (1.0,), 1)), nn.Linear(4, 3)), False),
        (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), False),
        (nn.BatchNorm1d(3, track_running_stats=False), False),
        (nn.Sequential(nn.Linear(4, 3), Centred()), False),
        (nn.Sequential(nn.Sequential(Ours(4, 3))), False),
        (nn.Conv2d(1, 2, 3), False),
    ],
)
def test_what_is_known_to_go_row_by_row(phi: nn.Module, rows: bool) -> None:
    assert by_rows(phi) == by_rows(phi.eval()) == rows


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), TokenDropout(0.5)])
def test_dropout_does_where_it_drops_nothing(layer: nn.Module) -> None:
    phi = nn.Sequential(layer, nn.Linear(4, 3))
    assert not by_rows(phi)
    assert by_rows(phi, passed=1)
    assert by_rows(phi.eval())


def test_what_has_been_passed_does_not_count() -> None:
    phi = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    assert [by_rows(phi, passed) for passed in range(4)] == [False, False, True, True]
    assert by_rows(Centred(), passed=1)


def test_layers_that_are_listed_give_each_row_what_they_give_it_alone() -> None:
    made: dict[type[nn.Module], nn.Module] = {
        nn.Flatten: nn.Flatten(),
        nn.Linear: nn.Linear(6, 6),
        nn.LayerNorm: nn.LayerNorm(6),
    }
    x = torch.rand(5, 6)
    for kind in BY_ROWS:
        if kind.__module__.startswith("torch.nn.modules.activation") or kind in made:
            layer = made.get(kind) or kind()
            alone = torch.cat([layer(row[None]) for row in x])
            assert torch.allclose(layer(x), alone, atol=1e-6), kind
