import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlrun.config.overrides import Asked, preflight, rewrite
from tlrun.core.errors import UserError


def mistakes(*overrides: str, multirun: bool = False) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        preflight(overrides, multirun)
    return caught.value.lines


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("λ=3", "lam.value=3"),
        ("++λ=3", "++lam.value=3"),
        ("~λ", "~lam.value"),
        ("lambda=0.1,1", "lam.value=0.1,1"),
        ("λ=∞", "lam.value=inf"),
        ("lam.value=∞", "lam.value=inf"),
        ("lambdas=1", "lambdas=1"),
        ("runs_dir=∞", "runs_dir=∞"),
        ("lambda=0,.inf,Infinity", "lam.value=0,inf,inf"),
    ],
)
def test_lambda_may_be_written_as_people_write_it(typed: str, meant: str) -> None:
    assert rewrite(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("strategy.first=task_relation", "strategy.first.name=task_relation"),
        ("++strategy.then=feature_transfer", "++strategy.then.name=feature_transfer"),
        (
            "strategy.first=task_relation,task_transfer",
            "strategy.first.name=task_relation,task_transfer",
        ),
        ("strategy.first={name: task_relation}", "strategy.first={name: task_relation}"),
        ("strategy.first.relation=mean", "strategy.first.relation=mean"),
        ("strategy.first_lam=inf", "strategy.first_lam=inf"),
        ("strategy.firsts=x", "strategy.firsts=x"),
    ],
)
def test_a_node_within_a_node_is_chosen_by_its_name(typed: str, meant: str) -> None:
    assert rewrite(typed) == meant


def test_options_of_a_node_within_a_node_are_set_beside_its_name() -> None:
    """In any order; whole nodes can be given too; and both can be swept."""
    named = ["strategy=fused", "strategy.first=task_relation", "strategy.first.relation=mean"]
    whole = ["strategy=fused", "strategy.first={name: task_relation, relation: mean}"]
    found = [
        preflight([rewrite(word) for word in words], multirun=False)
        .jobs[0]
        .config["strategy"]["first"]
        for words in (named, named[:1] + named[:0:-1], whole)
    ]
    sweep = [
        rewrite(word)
        for word in ("strategy=fused", "strategy.first=task_relation,task_transfer", "seed=0,1")
    ]
    jobs = preflight(sweep, multirun=True).jobs

    assert found == [{"name": "task_relation", "relation": "mean"}] * 3
    assert [job.config["strategy"]["first"]["name"] for job in jobs] == ["task_relation"] * 2 + [
        "task_transfer"
    ] * 2


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


def test_a_good_line_is_composed_and_handed_on() -> None:
    asked = preflight(["+seed=3", "strategy=joint", "lam.value=inf"], multirun=False)
    (job,) = asked.jobs
    config = job.config

    assert job.overrides == ("seed=3", "strategy=joint", "lam.value=inf")
    assert asked.overrides == ["++seed=3", "strategy=joint", "++lam.value=inf"]
    assert (config["seed"], config["strategy"], config["lam"]["value"]) == (
        3,
        {"name": "joint"},
        float("inf"),
    )


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            "strategy=feature_transfr",
            "strategy: feature_transfr is not known; did you mean feature_transfer?",
        ),
        (
            "strategy.freez=true",
            "strategy.freez: feature_transfer has no such key; did you mean freeze?",
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
        ("+new=1", "new: no such key"),
        (
            "strategy._target_=os.system",
            "strategy._target_: refused; a config names things, and never code",
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
        ("~lam", "~lam: expected key=value"),
        ("seed", "seed: expected key=value"),
        ("strategy@x=scratch", "strategy@x=scratch: expected key=value"),
        ("lam.value=${nope}", "nope"),
        (
            "lam=10",
            "lam: 10 is not known (one of: constant, cosine, linear, sigmoid); λ itself is lam.value=…",
        ),
        ("~λ", "~λ: expected key=value"),
        ("experiment=smok", "experiment: smok is not known; did you mean smoke?"),
        ("seed.x=3", "seed: expected a whole number >= 0, found {'x': 3}"),
        ("sweep=3", "sweep: expected the keys jobs, found 3"),
        ("sweep.job=3", "sweep.job: no such key; did you mean jobs?"),
        ("device=gpu", "device: expected auto, cpu, cuda or cuda:N, found 'gpu'"),
        ("strategy.name=joint", "strategy.name: expected to be left alone; choose with strategy=…"),
        ("strategy=null", "strategy: null is not known"),
        ("runs_dir=", "runs_dir: expected a folder, found ''"),
        ("steps=5", "steps: no such key; did you mean trainer.steps?"),
        ("hydra.job.num=abc", "hydra.job.num: expected to be left as tl-run sets it"),
        ("hydra.verbose=1", "hydra.verbose: expected true, false or names of loggers, found 1"),
        ("hydra.run.dir=x", "hydra.run.dir: expected to be left as tl-run sets it, found x"),
        (
            "hydra.searchpath=[x]",
            "hydra.searchpath: expected to be left alone; a folder of YAMLs of your own is --config-d",
        ),
        ("hydra/launcher=slurm", "hydra/launcher: slurm is not known (one of: basic, "),
    ],
)
def test_each_mistake_is_one_line(override: str, line: str) -> None:
    (found,) = mistakes(override)

    assert line in found
    assert "\n" not in found


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes("strategy=feature_transfr", "lam.value=-1", "trainer.stepz=3", "seed=x", "foo")

    assert sorted(line.split(":")[0] for line in found) == [
        "foo",
        "lam.value",
        "seed",
        "strategy",
        "trainer.stepz",
    ]


def test_a_key_given_twice_is_refused() -> None:
    assert mistakes("seed=1", "lam.value=1", "seed=2") == ("seed: expected once, found twice",)


def test_every_value_of_every_axis_of_a_sweep_is_checked() -> None:
    found = mistakes("lam.value=0,1,-1", "seed=0,x", "strategy=joint,jont", multirun=True)

    assert sorted(line.split(":")[0] for line in found) == ["lam.value", "seed", "strategy"]
    assert (
        len(
            preflight(
                ["lam.value=0,1,inf", "seed=range(0,3)", "strategy=glob(*)"], multirun=True
            ).jobs
        )
        == 99
    )


def test_a_sweep_has_an_end() -> None:
    assert mistakes("seed=range(0,1000)", "dataset.split_seed=range(0,11)", multirun=True) == (
        "sweep: expected at most 10000 jobs, found 11000",
    )


def test_every_job_of_a_sweep_is_checked_together_with_its_choices() -> None:
    """`freeze` is a key of one of the two strategies only, and 0.5 fits no head of a batch."""
    found = mistakes("strategy=feature_transfer,joint", "strategy.freeze=true", multirun=True)

    assert found == ("strategy.freeze: joint has no such key (there are none)",)


def test_an_axis_has_an_end() -> None:
    assert mistakes("seed=range(0,1000000000)", multirun=True) == (
        "seed: expected at most 1000 values, found more",
    )


@pytest.mark.parametrize("override", ["seed=interval(0,1)", "seed=range(0,2,0)"])
def test_an_axis_that_is_no_list_is_refused(override: str) -> None:
    (found,) = mistakes(override, multirun=True)

    assert "seed: expected a list of values like 1,2,3, found" in found


@settings(max_examples=40)
@given(
    st.sampled_from(["seed", "lam.value", "strategy", "backbone.channels", "strategy.x.y", "q"]),
    st.text(max_size=12),
)
def test_whatever_is_typed_is_a_config_or_lines(key: str, value: str) -> None:
    lines: tuple[str, ...] = ()
    asked: Asked | None = None
    try:
        asked = preflight([f"{key}={value}"], multirun=False)
    except UserError as error:
        lines = error.lines

    assert lines or asked
    assert all("\n" not in line for line in lines)


def test_a_reference_to_another_key_is_followed_in_every_job() -> None:
    jobs = preflight(["dataset.split_seed=${seed}", "seed=3,5"], multirun=True).jobs

    assert [job.config["dataset"]["split_seed"] for job in jobs] == [3, 5]


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
    assert asked.jobs[1].config["backbone"]["channels"] == [8, 16]


def test_a_study_sweeps_by_itself_and_any_axis_can_be_replaced() -> None:
    plain = preflight(["experiment=which_transfer"], multirun=False)
    fewer = preflight(["experiment=which_transfer", "seed=5,6", "strategy=joint"], multirun=False)

    assert plain.multirun
    assert len(plain.jobs) == 20
    assert [job.config["seed"] for job in fewer.jobs] == [5, 6]
    assert {job.config["strategy"]["name"] for job in fewer.jobs} == {"joint"}


def test_studies_do_not_sweep_over_one_another() -> None:
    (line,) = mistakes("experiment=smoke,which_transfer", multirun=True)

    assert line == "experiment: expected one value, found smoke,which_transfer"


def test_what_stands_in_quotes_for_the_shells_sake_is_plain_text() -> None:
    (job,) = preflight(['runs_dir="a [b], c=d"'], multirun=False).jobs

    assert job.config["runs_dir"] == "a [b], c=d"


@pytest.mark.parametrize(
    "override", ["runs_dir=a,b", "threads=1,2", "controls=true,false", "rerun=true,false"]
)
def test_what_decides_no_run_is_no_axis(override: str) -> None:
    key, _, values = override.partition("=")

    found = mistakes(override, multirun=True)
    assert [line.lower() for line in found] == [
        f"{key}: expected one value for a whole sweep, found {values}"
    ]


def test_a_huge_range_is_refused_before_it_is_shuffled() -> None:
    (line,) = mistakes("seed=shuffle(range(1000000000))", multirun=True)

    assert line == "seed: expected at most 1000 values, found more"


def test_one_run_of_a_sweep_is_a_contradiction() -> None:
    assert mistakes("hydra.mode=RUN", "seed=0,1", multirun=True) == (
        "hydra.mode: expected MULTIRUN with -m, found RUN",
    )
