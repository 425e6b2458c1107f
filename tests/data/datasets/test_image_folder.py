import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlrun.core.errors import UserError
from tlrun.core.problem import Problem, Split
from tlrun.data.datasets.image_folder import ImageFolder
from tlrun.data.images import decoded as decoding
from tlrun.data.images.decoding import Form, decode
from tlrun.store.problems import states_of

from photos import put, put_classes, put_domains, rewritten


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Two domains of three classes, of 10 images each, and one domain of its own."""
    put_domains(tmp_path / "in", ("photo", "sketch"))
    put_classes(tmp_path / "own", ("car", "van"), 10, 500)
    return tmp_path


def dataset(base: Path, **options: Any) -> ImageFolder:
    for name in ("path", "source_path"):
        if name in options:
            options[name] = str(base / options[name])
    return ImageFolder(
        **{"path": str(base / "in"), "cache": str(base / "cache"), "size": 8, **options}
    )


def every_split(problem: Problem, name: str) -> list[Split]:
    domain = problem.domains[name]
    return [s for s in (domain.train, domain.val, problem.test.open()[name]) if s is not None]


def test_folders_become_a_problem_whose_images_are_read_when_asked_for(base: Path) -> None:
    problem = dataset(base, target="photo", labels_per_class=5, val_share=0.2).load(seed=0)
    source, target = problem.domains.values()

    assert [(d.name, d.role) for d in (source, target)] == [
        ("sketch", "source"),
        ("photo", "target"),
    ]
    assert problem.one_label_space
    assert problem.tasks["class"].classes == ("cat", "dog", "owl")
    assert problem.inputs.shape == (3, 8, 8)
    assert problem.inputs.dtype == "uint8"
    assert np.bincount(target.train.labels["class"]).tolist() == [4, 4, 4]
    for split in every_split(problem, "photo"):
        assert hasattr(split.inputs, "select")
        assert split.labels["class"].dtype == split.index.dtype == np.int64
        for row in range(len(split)):
            position = int(split.index[row])
            path = sorted((base / "in" / "photo").rglob("*.png"))[position]
            form = Form(8, "crop", 3)
            assert np.array_equal(split.array[row], decode(path.read_bytes(), ".png", form))
            label = ("cat", "dog", "owl").index(path.parent.name)
            assert split.labels["class"][row] == label
    assert problem.preprocessing["classes"] == {"class": ["cat", "dog", "owl"]}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"val_share": 0.3},
        {"target": "photo", "label_fraction": 0.4, "val_share": 0.3},
        {"group": r"patient\d+", "val_share": 0.3},
    ],
)
def test_no_example_is_in_two_splits_and_all_seeds_test_the_same(
    base: Path, options: dict[str, Any]
) -> None:
    one, again, other = (dataset(base, **options).load(seed) for seed in (0, 0, 1))

    assert one.digest == again.digest
    assert one.examples == other.examples
    for name in one.domains:
        rows = np.concatenate([split.index for split in every_split(one, name)])
        assert len(set(rows.tolist())) == len(rows)
        tests = [problem.test.open()[name] for problem in (one, other)]
        assert np.array_equal(tests[0].index, tests[1].index)
        assert np.array_equal(tests[0].array, tests[1].array)
    if options:
        assert one.digest != other.digest


@pytest.mark.parametrize("by_file", [False, True])
def test_a_group_is_on_one_side_in_all_domains(base: Path, by_file: bool) -> None:
    options: dict[str, Any] = {"group": r"patient\d+"}
    if by_file:
        below = [path.relative_to(base / "in") for path in (base / "in").rglob("*.png")]
        lines = [f"{path.as_posix()},{path.name.split('_')[0]}" for path in below]
        (base / "groups.csv").write_text("\n".join(["file,group", *lines]))
        options = {"group_file": str(base / "groups.csv")}
    problem = dataset(base, val_share=0.3, **options).load(seed=0)
    sides: dict[str, set[int]] = {}
    numbers: dict[str, set[int]] = {}
    for name in problem.domains:
        files = sorted((base / "in" / name).rglob("*.png"))
        for side, split in enumerate(every_split(problem, name)):
            assert split.groups is not None
            for row, number in zip(split.index.tolist(), split.groups.tolist(), strict=True):
                group = files[row].name.split("_")[0]
                sides.setdefault(group, set()).add(side)
                numbers.setdefault(group, set()).add(number)

    assert len(set().union(*numbers.values())) == len(numbers)
    assert all(len(mine) == 1 for mine in numbers.values())
    assert all(len(mine) == 1 for mine in sides.values())
    assert set().union(*sides.values()) == {0, 1, 2}
    assert any(note.endswith("training, validation or test") for note in problem.report["notes"])
    grouped = dataset(base, **options).load(seed=0)
    assert grouped.examples != dataset(base).load(seed=0).examples
    assert grouped.digest != dataset(base).load(seed=0).digest


def test_larger_draws_contain_smaller_ones(base: Path) -> None:
    drawn = [
        dataset(base, target="photo", labels_per_class=n).load(seed=5).domains["photo"].train.index
        for n in (2, 5)
    ]

    assert [len(rows) for rows in drawn] == [6, 15]
    assert set(drawn[0].tolist()) < set(drawn[1].tolist())


def test_where_the_folder_is_and_what_it_is_called_decides_nothing(base: Path) -> None:
    first = [dataset(base, target="photo", labels_per_class=5).load(0)]
    first += [dataset(base, path="own", labels_per_class=5).load(0)]
    shutil.move(base / "in", base / "renamed")
    shutil.move(base / "own", base / "mine")
    then = [dataset(base, path="renamed", target="photo", labels_per_class=5).load(0)]
    then += [dataset(base, path="mine", labels_per_class=5).load(0)]

    assert [problem.digest for problem in first] == [problem.digest for problem in then]
    assert first[0].identity == then[0].identity
    assert first[0].examples == then[0].examples


def test_two_folders_are_one_folder_of_two_domains(base: Path) -> None:
    options = {"labels_per_class": 5, "source_fraction": 0.5, "val_share": 0.2}
    one = dataset(base, target="photo", **options).load(3)
    two = dataset(base, path="in/photo", source_path="in/sketch", **options).load(3)

    assert one.identity == two.identity
    assert one.examples == two.examples


def test_one_folder_is_a_target_alone(base: Path) -> None:
    problem = dataset(base, path="own").load(0)

    assert [(d.name, d.role) for d in problem.domains.values()] == [("own", "target")]
    assert dataset(base, path="own").suits() == {"strategy": "scratch", "backbone": "conv"}
    assert dataset(base).suits()["strategy"] == "shared_parameters"
    assert dataset(base, target="photo").suits()["strategy"] == "parameter_transfer"
    assert dataset(base, path="own", source_path="in").suits()["strategy"] == "parameter_transfer"
    assert dataset(base, path="gone").suits()["strategy"] == ImageFolder().suits()["strategy"]


def test_label_spaces_of_their_own_are_tasks_of_their_own(base: Path) -> None:
    problem = dataset(base, path="own", source_path="in/photo", metric="auc").load(0)

    assert list(problem.tasks) == ["photo", "own"]
    assert problem.tasks["own"].classes == ("car", "van")
    assert not problem.one_label_space
    assert {task.metric for task in problem.tasks.values()} == {"auc"}


def test_a_class_that_only_the_source_has_is_a_class_of_the_target_too(base: Path) -> None:
    shutil.rmtree(base / "in" / "photo" / "owl")
    problem = dataset(base, target="photo").load(0)
    assert problem.one_label_space
    shutil.rmtree(base / "in" / "sketch" / "cat")
    with pytest.raises(UserError, match=r"^dataset.classes: expected shared or own"):
        dataset(base, target="photo").load(0)
    assert dataset(base, target="photo", classes="shared").load(0).one_label_space


def test_test_images_that_may_train_too_are_dropped_or_kept(base: Path) -> None:
    before = dataset(base).load(0)
    tested = before.test.open()["photo"].index.tolist()
    files = sorted((base / "in" / "photo").rglob("*.png"))
    pool = sorted(set(range(30)) - set(tested))
    shutil.copy(files[pool[0]], files[tested[0]])
    dropped = dataset(base).load(0)
    kept = dataset(base, duplicates="keep").load(0)

    assert dropped.test.open()["photo"].index.tolist() == tested[1:]
    assert kept.test.open()["photo"].index.tolist() == tested
    assert any("dropped: 1 of photo" in note for note in dropped.report["notes"])


@pytest.mark.parametrize("domain", ["", "photo/"])
def test_folders_may_say_who_tests(base: Path, domain: str) -> None:
    for k, side in enumerate(("train", "val", "test")):
        put_classes(base / "sides" / side / domain, ("cat", "dog"), 6, 100 * k)
    asked = dataset(base, path="sides", split="folders", val_share=0.2)
    with_val, without = asked.load(0), dataset(base, path="sides", split="folders").load(0)
    (name,) = with_val.domains

    assert [len(split) for split in every_split(with_val, name)] == [12, 12, 12]
    assert [len(split) for split in every_split(without, name)] == [12, 12]
    assert (
        "validation images that are not used: 12; dataset.val_share=0.2 uses them"
        in (without.report["notes"])
    )
    with pytest.raises(UserError, match=r"try dataset.split=folders$"):
        dataset(base, path="sides").load(0)


def test_nothing_is_decoded_twice(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = dataset(base).load(0)
    monkeypatch.setattr(decoding, "decode", None)

    assert dataset(base).load(0).digest == first.digest
    assert dataset(base, domains=("photo",)).load(0).named("target") == ("photo",)


def test_every_file_is_named_so_that_the_problem_can_be_remembered(base: Path) -> None:
    (base / "groups.csv").write_text("file,group\n")
    files = dataset(base, group_file=str(base / "groups.csv")).files()

    assert len(files) == 61
    before = states_of(files)
    assert before == states_of(files) is not None
    put(files[0], 999)
    assert states_of(files) != before


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"path": "gone"}, "dataset.path: expected a folder of images, found no "),
    ({"target": "pohto"}, "dataset.target: expected a domain, found no pohto; did you mean photo"),
    ({"source_per_class": 3}, "dataset.source_per_class: expected a source domain, found none"),
    ({"source_fraction": 0.3}, "dataset.source_fraction: expected a source domain, found none"),
    ({"group": "nobody"}, "dataset.group: expected a pattern that matches something in every"),
    ({"group_file": "~nobody-of-that-name/a"}, "dataset.group_file: expected a file, found "),
    ({"labels_per_class": 8}, "dataset.labels_per_class: expected at most 7"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_mistakes_are_one_line(base: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=f"^{words}") as raised:
        dataset(base, **options).load(0)
    assert len(str(raised.value).splitlines()) == 1


def test_a_class_with_too_few_images_is_refused_after_those_skipped(base: Path) -> None:
    for path in sorted((base / "own" / "car").iterdir())[1:]:
        rewritten(path, lambda content: content[:20])
    with pytest.raises(UserError, match=r"found 9 of 20 that are not: .*unreadable=skip$"):
        dataset(base, path="own").load(0)

    expected = "at least 2 images of class car in domain own, for dataset.test_share=0.3, found 1"
    with pytest.raises(UserError, match=expected):
        dataset(base, path="own", unreadable="skip").load(0)


def test_the_options_are_known_without_numpy(base: Path) -> None:
    program = (
        "import sys; from tlrun.data.datasets.image_folder import ImageFolder\n"
        f"assert ImageFolder(path={str(base / 'in')!r}).suits()['strategy'] == 'shared_parameters'"
        "\nprint(sorted({'numpy', 'torch', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_a_link_that_is_moved_to_another_class_is_another_state(tmp_path: Path) -> None:
    """Of a linked image the name of the link says what it shows."""
    put_classes(tmp_path / "kept", ("cat", "dog"), 4)
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for file in (tmp_path / "kept" / label).iterdir():
            (tmp_path / "photos" / label / file.name).symlink_to(file)
    dataset = ImageFolder(path=str(tmp_path / "photos"), cache=str(tmp_path / "cache"))
    before = states_of(dataset.files())
    (tmp_path / "photos" / "dog").rename(tmp_path / "photos" / "zebra")

    assert states_of(dataset.files()) != before


def test_who_tests_by_its_folder_is_part_of_the_problem(tmp_path: Path) -> None:
    """Two images that change sides are the same images, and another test set."""
    first = put_classes(tmp_path / "photos" / "train", ("cat", "dog"), 4)
    put_classes(tmp_path / "photos" / "test", ("cat", "dog"), 4, first)
    options = {"path": str(tmp_path / "photos"), "cache": str(tmp_path / "cache")}
    dataset = ImageFolder(**options, split="folders", size=12)  # type: ignore[arg-type]  # texts
    before = dataset.load(0)
    train, test = (
        next((tmp_path / "photos" / side / "cat").iterdir()) for side in ("train", "test")
    )
    one, other = train.read_bytes(), test.read_bytes()
    train.write_bytes(other)
    test.write_bytes(one)

    after = dataset.load(0)
    assert after.digest != before.digest
    assert after.examples != before.examples
