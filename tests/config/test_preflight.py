"""Everything about a command line that can be told before anything starts."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlrun.config import preflight as preflights
from tlrun.config.build import Run, build
from tlrun.config.compose import composed
from tlrun.config.overrides import rewrite
from tlrun.config.preflight import Job, Request, preflight
from tlrun.core.errors import UserError
from tlrun.runs.identity import node_of
from tlrun.strategies.joint import Joint
from tlrun.strategies.schedules import Constant

from problems import own_folder


def mistakes(*overrides: str, multirun: bool = False) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        preflight(overrides, multirun)
    return caught.value.lines


def strategy_of(job: Job) -> dict[str, Any]:
    return node_of("strategy", job.run.strategy)


def test_a_good_line_is_composed_built_and_handed_on() -> None:
    asked = preflight(["+seed=3", "strategy=joint", "lam.value=inf"], multirun=False)
    (job,) = asked.jobs

    assert job.overrides == ("seed=3", "strategy=joint", "lam.value=inf")
    assert asked.overrides == ["++seed=3", "strategy=joint", "++lam.value=inf"]
    assert not asked.multirun
    assert not asked.foreign_launcher
    assert isinstance(job.run, Run)
    assert (job.run.seed, job.run.strategy, job.run.lam) == (3, Joint(), Constant(math.inf))


def test_options_of_a_node_within_a_node_are_set_beside_its_name() -> None:
    """In any order; whole nodes can be given too; and both can be swept."""
    named = ["strategy=fused", "strategy.first=task_relation", "strategy.first.relation=mean"]
    whole = ["strategy=fused", "strategy.first={name: task_relation, relation: mean}"]
    found = []
    for typed in (named, named[:1] + named[:0:-1], whole):
        (job,) = preflight([rewrite(word) for word in typed], multirun=False).jobs
        found.append(strategy_of(job)["first"])
    sweep = ["strategy=fused", "strategy.first=task_relation,task_transfer", "seed=0,1"]
    jobs = preflight([rewrite(word) for word in sweep], multirun=True).jobs

    assert (found[0]["name"], found[0]["relation"]) == ("task_relation", "mean")
    assert found == [found[0]] * 3
    assert [strategy_of(job)["first"]["name"] for job in jobs] == [
        "task_relation", "task_relation", "task_transfer", "task_transfer",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            "strategy.first.relatoin=mean",
            "strategy.first.relatoin: task_relation has no such key; did you mean relation?",
        ),
        ("strategy.first.relation=men", "strategy.first.relation: expected one of mean, "),
        (
            "strategy.then=joint",
            "strategy.then: expected one of feature_transfer, parameter_transfer, ",
        ),
        ("strategy.then=null", "strategy.then: expected one of feature_transfer, "),
        ("strategy.then=[a]", "strategy.then: expected one of feature_transfer, "),
        (
            "strategy.then._target_=os.system",
            "strategy.then._target_: refused; a config names things",
        ),
    ],
)
def test_a_mistake_within_a_node_is_one_line(override: str, line: str) -> None:
    (found,) = mistakes("strategy=fused", "strategy.first.name=task_relation", rewrite(override))

    assert found.startswith(line)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            "strategy=feature_transfr",
            "strategy: feature_transfr is not known; did you mean feature_transfer?",
        ),
        (
            "strategy.trian=all",
            "strategy.trian: feature_transfer has no such key; did you mean train?",
        ),
        ("lam.value=-1", "lam.value: expected a number >= 0 (inf is allowed), found -1"),
        ("lam.value=nan", "lam.value: expected a number >= 0 (inf is allowed), found nan"),
        (
            "dataset.labels_per_class=0",
            "dataset.labels_per_class: expected a whole number >= 1, found 0",
        ),
        ("seed=1.5", "seed: expected a whole number >= 0, found 1.5"),
        ("seed=", "seed: expected a whole number >= 0, found ''"),
        ("seed=1,2", "seed: expected one value, found 1,2; add -m to sweep over them"),
        ("+xyz=1", "xyz: no such key; one of: dataset, backbone, strategy, lam, "),
        (
            "strategy._target_=os.system",
            "strategy._target_: refused; a config names things, and never code (found os.system)",
        ),
        ("+a.b._args_=[1]", "a.b._args_.0: refused"),
        (
            "seed=${oc.env:HOME}",
            "seed: expected a value or one reference like ${seed}, found ${oc.env:HOME}",
        ),
        (
            "runs_dir=x${seed}",
            "runs_dir: expected a value or one reference like ${seed}, found x${seed}",
        ),
        ("threads=${threads}", "threads: expected a reference to a key with a value of its own"),
        (
            "dataset.split_seed=${trainer}",
            "dataset.split_seed: expected a reference to a key with a value of its own",
        ),
        (
            "strategy=[scratch,joint]",
            "strategy: [scratch,joint] is not known; did you mean scratch?",
        ),
        ("hydra.launcher=null", "hydra.launcher: expected to be left as tl-run sets it"),
        ("hydra.launcher=3", "hydra.launcher: expected to be left as tl-run sets it"),
        ("hydra/launcher=joblibb", "hydra/launcher: joblibb is not known; did you mean joblib?"),
        ("seed=range(0,nan)", "seed: expected a list of values like 1,2,3, found range(0,nan)"),
        pytest.param("seed=" + "1" * 5000, "seed=1111", id="too long for an integer"),
        ("~lam", "~lam: expected key=value"),
        ("seed", "seed: expected key=value"),
        ("lam.value=${nope}", "lam.value: expected a reference to a key with a value of its own"),
        (
            "lam=10",
            (
                "lam: 10 is not known; one of: constant, cosine, linear, sigmoid; λ itself is "
                "lam.value=10"
            ),
        ),
        ("experiment=smok", "experiment: smok is not known; did you mean smoke?"),
        ("seed.x=3", "seed: expected a whole number >= 0, found {'x': 3}"),
        ("sweep=3", "sweep: expected the keys jobs, engine, found 3"),
        (
            "verdict.alpha=0.7",
            "verdict.alpha: expected a number from 0 to 0.5, found 0.7",
        ),
        (
            "verdict.alpha=0.5",
            "verdict.alpha: expected a number above 0 and below 0.5, found 0.5",
        ),
        ("verdict.alpha=0", "verdict.alpha: expected a number above 0 and below 0.5, found 0"),
        ("verdict.delta=-1", "verdict.delta: expected a number from 1e-09 to 1000000000 or null"),
        ("verdict.aplha=0.1", "verdict.aplha: no such key; did you mean verdict.alpha?"),
        ("verdict=0.1", "verdict: expected the keys alpha, delta, found 0.1"),
        (
            "tune.lr=3",
            "tune.lr: expected true or false or a list like [a,b], each a number or null",
        ),
        ("tune.lr=[1e-3]", "tune.lr: expected two or more rates, each once, found [0.001]"),
        ("tune.rate=true", "tune.rate: no such key; one of: lr"),
        ("sweep.job=3", "sweep.job: no such key; did you mean sweep.jobs?"),
        ("device=gpu", "device: expected auto, cpu, cuda or cuda:N, found 'gpu'"),
        ("strategy.name=joint", "strategy.name: expected to be left alone, found joint; choose"),
        ("strategy=null", "strategy: null is not known; "),
        ("runs_dir=", "runs_dir: expected a folder, found ''"),
        ("steps=5", "steps: no such key; did you mean trainer.steps?"),
        ("hydra.verbose=1", "hydra.verbose: expected true, false or names of loggers, found 1"),
        ("hydra.run.dir=x", "hydra.run.dir: expected to be left as tl-run sets it, found x"),
        ("hydra/launcher=nothing", "hydra/launcher: nothing is not known; one of: basic, "),
    ],
)
def test_each_mistake_is_one_line(override: str, line: str) -> None:
    (found,) = mistakes(override)

    assert found.startswith(line)
    assert "\n" not in found


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes("strategy=feature_transfr", "lam.value=-1", "trainer.stepz=3", "seed=x", "foo")

    assert sorted(line.split(":")[0] for line in found) == [
        "foo", "lam.value", "seed", "strategy", "trainer.stepz",
    ]  # fmt: skip


def test_a_key_given_twice_is_refused() -> None:
    assert mistakes("seed=1", "lam.value=1", "seed=2") == ("seed: expected once, found twice",)


def test_every_value_of_every_axis_of_a_sweep_is_checked() -> None:
    found = mistakes("lam.value=0,1,-1", "seed=0,x", "strategy=joint,jont", multirun=True)
    good = ["lam.value=0,1,inf", "seed=range(0,3)", "strategy=glob(*)"]

    assert sorted(line.split(":")[0] for line in found) == ["lam.value", "seed", "strategy"]
    assert len(preflight(good, multirun=True).jobs) == 135


def test_a_sweep_has_an_end() -> None:
    assert mistakes("seed=range(0,1000)", "dataset.split_seed=range(0,11)", multirun=True) == (
        "sweep: expected at most 10000 jobs, found 11000",
    )


def test_every_job_of_a_sweep_is_checked_together_with_its_choices() -> None:
    """`train` is a key of one of the two strategies only."""
    found = mistakes("strategy=feature_transfer,joint", "strategy.train=all", multirun=True)

    (line,) = found
    assert line.startswith(
        "strategy.train: joint has no such key; train is an option of strategy=feature_transfer, "
    )


def test_a_mistake_of_many_jobs_is_told_once() -> None:
    found = mistakes("seed=0,1,2", "lam.value=-1", "strategy.budget=x", multirun=True)

    assert sorted(line.split(":")[0] for line in found) == ["lam.value", "strategy.budget"]


def test_what_only_an_object_can_tell_is_a_mistake_of_the_line() -> None:
    """A graph is needed where the relation is one; its class alone can tell."""
    (found,) = mistakes("strategy=task_relation", "strategy.relation=graph")

    assert found.startswith("strategy.graph: expected ")


@settings(max_examples=40)
@given(
    st.sampled_from(["seed", "lam.value", "strategy", "backbone.channels", "strategy.x.y", "q"]),
    st.text(max_size=12),
)
def test_whatever_is_typed_is_a_config_or_lines(key: str, value: str) -> None:
    lines: tuple[str, ...] = ()
    asked: Request | None = None
    try:
        asked = preflight([f"{key}={value}"], multirun=False)
    except UserError as error:
        lines = error.lines

    assert lines or asked
    assert all("\n" not in line for line in lines)


def test_a_reference_to_another_key_is_followed_in_every_job() -> None:
    jobs = preflight(["dataset.split_seed=${seed}", "seed=3,5"], multirun=True).jobs

    nodes = [node_of("dataset", job.run.dataset) for job in jobs]
    assert [node["split_seed"] for node in nodes] == [3, 5]


def test_jobs_come_in_hydras_order_and_spell_what_hydra_is_handed() -> None:
    """Other launchers compose the jobs themselves: from the overrides that they are handed, one
    after another."""
    asked = preflight(
        ["seed=range(2)", "strategy=glob(s*)", "backbone.channels=[8],[8,16]"], multirun=True
    )

    assert asked.overrides == [
        "++seed=0,1",
        "strategy=scratch,shared_parameters,single_task,source_only,structure_transfer",
        "++backbone.channels=[8],[8,16]",
    ]
    assert [job.overrides[0] for job in asked.jobs] == ["seed=0"] * 10 + ["seed=1"] * 10
    assert asked.jobs[1].overrides == ("seed=0", "strategy=scratch", "backbone.channels=[8,16]")
    assert node_of("backbone", asked.jobs[1].run.backbone)["channels"] == (8, 16)


def test_no_two_jobs_share_what_is_set_in_one() -> None:
    jobs = preflight(["backbone=mlp", "backbone.hidden=[8],[16]", "seed=0,1"], multirun=True).jobs

    assert [node_of("backbone", job.run.backbone)["hidden"] for job in jobs] == [
        (8,), (8,), (16,), (16,),
    ]  # fmt: skip
    assert [job.run.seed for job in jobs] == [0, 1, 0, 1]


def test_a_study_sweeps_by_itself_and_any_axis_can_be_replaced() -> None:
    plain = preflight(["experiment=which_transfer"], multirun=False)
    fewer = preflight(["experiment=which_transfer", "seed=5,6", "strategy=joint"], multirun=False)

    assert plain.multirun
    assert len(plain.jobs) == 20
    assert [job.run.seed for job in fewer.jobs] == [5, 6]
    assert {type(job.run.strategy) for job in fewer.jobs} == {Joint}


def test_studies_do_not_sweep_over_one_another() -> None:
    (line,) = mistakes("experiment=smoke,which_transfer", multirun=True)

    assert line == "experiment: expected one value, found smoke,which_transfer"


def test_no_experiment_is_none() -> None:
    """As a script has it: experiment=${EXPERIMENT:-null}."""
    (named,) = preflight(["experiment=null"], multirun=False).jobs
    (plain,) = preflight([], multirun=False).jobs

    assert named.run == plain.run


def test_what_stands_in_quotes_for_the_shells_sake_is_plain_text() -> None:
    (job,) = preflight(['runs_dir="a [b], c=d"'], multirun=False).jobs

    assert job.run.runs_dir == "a [b], c=d"


@pytest.mark.parametrize(
    "override",
    [
        "runs_dir=a,b",
        "threads=1,2",
        "controls=true,false",
        "rerun=true,false",
        "verdict.alpha=0.05,0.1",
        "verdict.delta=0.01,null",
        "verdict={alpha:0.1},{alpha:0.2}",
        "sweep={jobs:1},{jobs:2}",
        "tune.lr=true,null",
        "tune={lr:true},{lr:null}",
    ],
)
def test_what_decides_no_run_is_no_axis(override: str) -> None:
    key, _, values = override.partition("=")
    found = mistakes(override, multirun=True)

    assert [line.lower() for line in found] == [
        f"{key}: expected one value for a whole sweep, found {values}"
    ]


@pytest.mark.parametrize(
    ("overrides", "start"),
    [
        (
            ["tune.lr=true", "optimizer.lr=0.001,0.01"],
            "optimizer.lr: expected one value beside tune.lr, found 0.001,0.01; tune.lr=[0.001,0.0",
        ),
        (
            ["tune.lr=[0.1,0.2]", "optimizer.lr=0.1"],
            "optimizer.lr: expected none beside a list of tune.lr, found 0.1; put it into the list",
        ),
        (
            ["tune.lr=true", "optimizer.lr=0"],
            "tune.lr: expected optimizer.lr above 0 and up to 316, found 0; name the rates: tune.l",
        ),
        (
            ["tune.lr=true", "hydra/launcher=basic"],
            "tune.lr: expected tl-run's own launcher, found one that divides a sweep by jobs, not ",
        ),
    ],
)
def test_what_goes_with_no_trials_is_one_line(overrides: list[str], start: str) -> None:
    (line,) = mistakes("seed=0,1", *overrides, multirun=True)

    assert line.startswith(start)


def test_the_trials_of_one_job_are_a_sweep() -> None:
    assert preflight(["tune.lr=true"], multirun=False).multirun
    assert not preflight(["tune.lr=null"], multirun=False).multirun


def test_one_run_of_a_sweep_is_a_contradiction() -> None:
    assert mistakes("hydra.mode=RUN", "seed=0,1", multirun=True) == (
        "hydra.mode: expected MULTIRUN with -m, found RUN",
    )


def test_another_launcher_is_noticed_and_ours_needs_no_name() -> None:
    sweep = ["seed=0,1"]

    assert preflight([*sweep, "hydra/launcher=basic"], multirun=True).foreign_launcher
    assert not preflight([*sweep, "hydra/launcher=tlrun"], multirun=True).foreign_launcher
    assert not preflight(sweep, multirun=True).foreign_launcher


def test_a_choice_of_groups_is_composed_once_and_a_job_built_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Composing is what checking a sweep would spend its time on."""
    choices: list[list[str]] = []
    built: list[Any] = []
    compose, build_one = composed, build

    def counted(overrides: list[str], folder: Path | None = None) -> Any:
        choices.append(overrides)
        return compose(overrides, folder)

    def noted(config: Any) -> Run:
        built.append(config)
        return build_one(config)

    monkeypatch.setattr(preflights, "composed", counted)
    monkeypatch.setattr(preflights, "build", noted)
    asked = ["strategy=joint,scratch", "lam.value=0,1,inf", "seed=range(5)"]

    assert len(preflight(asked, multirun=True).jobs) == 30
    assert choices == [["strategy=joint"], ["strategy=scratch"]]
    assert len(built) == 30


def test_mistakes_of_a_folder_and_of_the_line_are_told_together(tmp_path: Path) -> None:
    mine = own_folder(tmp_path, "# @package _global_\ntrainer: {stepz: 3}\n")
    with pytest.raises(UserError) as caught:
        preflight(["experiment=x", "seed=-1"], multirun=False, folder=mine)

    assert sorted(line.split(":")[0] for line in caught.value.lines) == ["seed", "trainer.stepz"]
