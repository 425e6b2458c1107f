from collections.abc import Iterator

import pytest

from tlrun.cli.help_words import FLAGS, explained
from tlrun.cli.subcommands import SUBCOMMANDS
from tlrun.config.described import EXPERIMENT, all_names, entry, top_keys
from tlrun.config.field_words import BY_COMMAND, BY_WORD
from tlrun.config.registry import GROUPS, options
from tlrun.core.errors import UserError


def every_word() -> Iterator[str]:
    """Everything that help knows, but export, which is none yet."""
    yield from (
        *GROUPS,
        EXPERIMENT,
        *top_keys(),
        *options(),
        *FLAGS,
        *BY_WORD,
        *BY_COMMAND,
        "seeds",
    )
    for group in (*GROUPS, EXPERIMENT):
        for name in all_names(group):
            yield f"{group}={name}"
            yield from (key.key for key in entry(group, name).keys)


def test_every_word_is_explained_in_the_width_of_a_terminal() -> None:
    words = set(every_word())
    assert len(words) > 300

    for word in words:
        shown = explained(word)
        assert shown.strip(), word
        wide = [line for line in shown.splitlines() if len(line) > 80]
        assert all("tl-run " in line or len(line.split()) < 3 for line in wide), (word, wide)


def test_a_name_is_explained_from_its_yaml_and_its_class() -> None:
    shown = explained("strategy=task_relation")

    assert "Σ L_i + λ R(w)" in shown  # line 1 of the YAML
    assert "tl-run strategy=task_relation dataset=digits_binary" in shown
    assert "strategy.scope=heads" in shown
    assert (
        "one of mean, soft_sharing, graph, trace_norm, covariance, ridge" in shown
    )  # of the class
    assert "towers: a φ for each task" in shown  # a comment


def test_a_setting_explains_its_key() -> None:
    assert explained("optimizer.lr=0.01") == explained("optimizer.lr")
    assert "0.1 of sgd" in explained("optimizer.lr")


def test_an_option_says_which_names_have_it() -> None:
    assert "of optimizer=sgd" in explained("momentum")
    assert "of strategy=task_relation" in explained("strategy.relation")


def test_a_study_says_its_question_what_was_found_and_what_it_sweeps() -> None:
    shown = explained("experiment=lambda_curve")

    assert "does an inner λ beat both ends" in shown
    assert "Expected, n=20 seeds" in shown
    assert "lam.value=0, 0.03, 0.1" in shown


@pytest.mark.parametrize("word", ["λ", "lam", "lambda"])
def test_lambda_is_explained_however_it_is_called(word: str) -> None:
    assert "lam.value=1.0" in explained(word)
    assert "sigmoid" in explained(word)


def test_a_word_of_the_field_is_the_setting_that_it_is_here() -> None:
    assert explained("Fine-Tuning").startswith(
        "Fine-Tuning: that is strategy=parameter_transfer lam.value=inf"
    )
    assert "steps = epochs x examples / batch_size" in " ".join(explained("epochs").split())
    assert explained("strategy=finetune").startswith("finetune: that is strategy=")


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("strategy=jiont", "did you mean joint?"),
        ("verdict.alhpa", "did you mean tl-run help verdict.alpha?"),
        ("fine_tunning", "did you mean tl-run help fine_tuning?"),
        ("doctr", "did you mean tl-run help doctor?"),
        ("xyzzy", "see tl-run --help"),
    ],
)
def test_a_word_that_is_none_gets_the_nearest(word: str, near: str) -> None:
    with pytest.raises(UserError) as caught:
        explained(word)
    (line,) = caught.value.lines

    assert near in line


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_a_command_says_how_it_is_called(command: str) -> None:
    assert explained(command).startswith(f"tl-run {command}")


def test_a_last_part_is_explained_of_a_group_and_of_the_top() -> None:
    said = explained("lr")

    assert said.index("optimizer.lr=") < said.index("tune.lr=")
