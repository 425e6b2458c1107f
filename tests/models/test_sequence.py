import torch
from torch import nn

from tlrun.models.sequence import name_in_file, sequence


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3))
        self.norm = nn.BatchNorm2d(5)
        self.top = nn.Sequential(nn.Linear(5, 6), nn.Linear(6, 7))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = torch.relu(self.norm(self.body(x))).mean((2, 3))
        y: torch.Tensor = self.top(z)
        return y


def test_a_sequence_is_the_forward_without_the_last_module() -> None:
    whole = Whole().eval()
    phi = sequence(whole, ("body.*", "norm", "relu", "pool", "flatten", "top.*"), "top.1")
    x = torch.randn(2, 3, 8, 8)

    assert [name for name, _ in phi.named_children()] == [
        *("body-0", "body-1", "body-2", "norm", "relu", "pool", "flatten", "top-0"),
    ]
    torch.testing.assert_close(whole.top[1](phi(x)), whole(x))


def test_names_are_those_of_the_model() -> None:
    whole = Whole()
    phi = sequence(whole, ("body.*", "norm", "pool", "flatten", "top.*"), "top.1")
    names = {name_in_file(name) for name in phi.state_dict()}

    assert names == {name for name in whole.state_dict() if not name.startswith("top.1")}
    assert name_in_file("layer1.0.conv1.weight") == "layer1.0.conv1.weight"
