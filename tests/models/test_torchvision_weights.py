from torchvision import models

from tlrun.models.torchvision_models import MODELS
from tlrun.models.torchvision_weights import FILES, URL, digest_in, file_of, names_of

HOLLOW = "IMAGENET1K_FEATURES"  # of vgg16


def test_the_table_is_what_torchvision_publishes() -> None:
    assert list(FILES) == list(MODELS)
    for model in MODELS:
        weights = models.get_model_weights(model)
        urls = {name: w.url for name, w in weights.__members__.items() if name != HOLLOW}

        assert {name: URL + file_of(model, name) for name in names_of(model)} == urls


def test_the_digest_is_in_the_name() -> None:
    files = {file for named in FILES.values() for file in named.values()}

    assert digest_in("resnet18-f37072fd.pth") == "f37072fd"
    assert all(len(digest_in(file)) in (8, 10) for file in files)
    assert all(int(digest_in(file), 16) for file in files)
