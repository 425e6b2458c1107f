"""The flags of a subcommand that each take a value, and the other words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tlrun.core.errors import Mistake, UserError, nearest


def valued_flags(
    command: str, arguments: Sequence[str], flags: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """What each flag is set to, and the other words, in order.

    A flag is written as `--seed 3`, `--seed=3` or, like a key of a run's config, `seed=3`; the last
    but not where it may be the name of a run, such as seed=3_4aec2227cfc1.

    command: whose flags they are. flags: each spelling, with what it is called in the answer.
    Raises UserError for another flag, and for one without a value.
    """
    values, others, rest = dict[str, str](), list[str](), list(arguments)
    while rest:
        argument = rest.pop(0)
        flag, equals, value = argument.partition("=")
        if equals and f"--{flag}" in flags and "_" not in value:
            flag = f"--{flag}"
        if not flag.startswith("-"):
            others.append(argument)
            continue
        if flag not in flags:
            expected = f"one of {', '.join(flags)}"
            hint = nearest(flag, [*flags, "--runs-dir"])
            raise UserError(Mistake(command, expected, argument, hint))
        if not equals and rest:
            value = rest.pop(0)
        if not value:
            raise UserError(Mistake(flag, "a value after it", "nothing"))
        values[flags[flag]] = value
    return values, others
