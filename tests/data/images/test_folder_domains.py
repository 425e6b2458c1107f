from pathlib import Path
from typing import Any

import pytest

from tlrun.core.errors import UserError
from tlrun.data.images.folder_domains import find
from tlrun.data.images.folder_options import FolderOptions

from photos import put_classes, put_domains


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put_domains(tmp_path / "in", ("art", "photo", "sketch"), 2)
    put_classes(tmp_path / "one", ("cat", "dog"), 2)
    return tmp_path


def roles(root: Path, **options: Any) -> dict[str, str]:
    for name in ("path", "source_path"):
        if name in options:
            options[name] = str(root / options[name])
    found = find(FolderOptions(**options))
    assert {photo.domain for photo in found.photos} == set(found.roles)
    return dict(found.roles)


def test_every_domain_has_its_role_sources_first(root: Path) -> None:
    assert roles(root, path="in") == dict.fromkeys(["art", "photo", "sketch"], "peer")
    assert roles(root, path="one") == {"one": "target"}
    assert list(roles(root, path="in", target="art").items()) == [
        ("photo", "source"),
        ("sketch", "source"),
        ("art", "target"),
    ]
    assert roles(root, path="in", domains=("art",)) == {"art": "target"}
    assert roles(root, path="in", domains=("art", "sketch"), target="art") == {
        "sketch": "source",
        "art": "target",
    }


def test_a_source_may_have_a_folder_of_its_own(root: Path) -> None:
    assert roles(root, path="one", source_path="in/art") == {"art": "source", "one": "target"}
    assert list(roles(root, path="one", source_path="in")) == ["art", "photo", "sketch", "one"]
    assert roles(root, path="in", source_path="one", target="art")["one"] == "source"
    assert len(find(FolderOptions(path=str(root / "one"))).roots) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"path": "in", "target": "pohto"}, r"dataset.target: .*no pohto; did you mean photo\?"),
        ({"path": "one", "target": "in"}, r"dataset.target: expected a domain, found no in; .*one"),
        ({"path": "in", "domains": ("x",)}, r"dataset.domains: expected domains, found no x; one"),
        ({"path": "in", "source_path": "one"}, r"dataset.target: expected the domain that is the"),
        ({"path": "in", "source_path": "in"}, r"dataset.source_path: expected another folder than"),
        ({"path": "in", "source_path": "in/art"}, r"dataset.source_path: .* found art in .* too"),
        (
            {"path": "in", "source_path": "gone"},
            r"dataset.source_path: expected a folder of images",
        ),
    ],
)
def test_domains_that_are_not_clear_are_refused(
    root: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=f"^{words}") as raised:
        roles(root, **options)
    assert len(str(raised.value).splitlines()) == 1


def test_no_folder_is_told_what_to_give() -> None:
    with pytest.raises(UserError, match=r"found nothing; try dataset.path=photos$"):
        find(FolderOptions())
    with pytest.raises(UserError, match=r"nobody's home$"):
        find(FolderOptions(path="~nobody-of-that-name/photos"))


def test_names_that_dots_alone_set_apart_are_refused(root: Path) -> None:
    put_classes(root / "dots" / "a.b", ("cat", "dog"), 1)
    put_classes(root / "dots" / "a_b", ("cow", "dot"), 1, 9)

    with pytest.raises(UserError, match=r"differ by more than dots, found two that are a_b in"):
        find(FolderOptions(path=str(root / "dots")))
    assert find(FolderOptions(path=str(root / "dots" / "a.b"), target="a.b")).roles
