from tlrun.report.primary import is_primary

from problems import outcome


def test_a_word_depends_on_networks_but_joint() -> None:
    network = outcome("scratch")
    tree = outcome("tree", result={**network.result, "size": None})

    assert is_primary(network)
    assert not is_primary(tree)
    assert not is_primary(outcome("joint, λ=1", strategy="joint"))
