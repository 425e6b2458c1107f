"""The durable operations of a command as the system sees them: strace's log, read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

STRACE = shutil.which("strace")
CALLS = {
    "openat": "open", "creat": "open", "open": "open",
    "write": "write", "pwrite64": "write", "writev": "write", "pwritev": "write",
    "sendfile": "write", "copy_file_range": "write", "mmap": "write",
    "fsync": "fsync", "fdatasync": "fsync", "sync_file_range": "fsync", "msync": "fsync",
    "rename": "rename", "renameat": "rename", "renameat2": "rename",
    "link": "link", "linkat": "link", "symlink": "symlink", "symlinkat": "symlink",
    "mkdir": "mkdir", "mkdirat": "mkdir", "rmdir": "rmdir",
    "unlink": "unlink", "unlinkat": "unlink", "utimensat": "utime", "utimes": "utime",
    "truncate": "truncate", "ftruncate": "truncate", "fallocate": "truncate",
}  # fmt: skip
LINE = re.compile(r"^\d+ +(\w+)\((.*)$")
IN_FOLDER = re.compile(r'^(?:AT_FDCWD|\d+)<([^>]*)>, "([^"]*)"')
QUOTED = re.compile(r'^"([^"]*)"')
OF_FILE = re.compile(r"^\d+<([^>]*)>")


def seen_by_both(words: tuple[str, ...], runs_dir: Path) -> tuple[list[str], list[str]]:
    """The operations of a command in order, as the harness and as strace tell them."""
    log = runs_dir.with_suffix(".strace")
    tests = Path(__file__).parents[1]
    paths = os.pathsep.join([str(tests), str(tests.parent / "src")])
    calls = ",".join(f"?{call}" for call in CALLS)
    done = subprocess.run(
        [str(STRACE), "-f", "-qq", "-y", "-s", "1", "-e", f"trace={calls}", "-e", "signal=none",
         "-o", str(log), sys.executable, "-m", "reliability.harness_strace", str(runs_dir), *words],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    ours = json.loads(done.stdout.splitlines()[-1])
    return ours, list(filter(None, (_operation(line, runs_dir) for line in _whole(log))))


def _whole(log: Path) -> list[str]:
    """The lines of a log; one that another thread has cut in two is one again."""
    unfinished: dict[str, str] = {}
    lines = []
    for line in log.read_text(errors="replace").splitlines():
        thread = line.split()[0]
        if line.endswith("<unfinished ...>"):
            unfinished[thread] = line.removesuffix("<unfinished ...>")
        elif "resumed>" in line:
            lines.append(unfinished.pop(thread) + line.partition("resumed>")[2])
        else:
            lines.append(line)
    return lines


def _operation(line: str, runs_dir: Path) -> str | None:
    """`name path` of a line that is a durable operation below `runs_dir`; None of any other."""
    matched = LINE.match(line)
    if matched is None:
        return None
    call, rest = matched.groups()
    name = CALLS[call]
    if call == "mmap":  # of memory that is written to a file
        if "PROT_WRITE" not in rest or "MAP_SHARED" not in rest:
            return None
        rest = rest.split(", ")[4]
    path = _path(rest, of_file=name in {"write", "fsync"} or call == "ftruncate")
    if path is None or not f"{path}/".startswith(f"{runs_dir}/"):
        return None
    if name == "open" and not re.search("O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", rest):
        return None
    if call == "unlinkat" and "AT_REMOVEDIR" in rest:
        name = "rmdir"
    return f"{name} {Path(path).relative_to(runs_dir)}"


def _path(rest: str, of_file: bool) -> str | None:
    """The file that the first arguments of a call name. of_file: whether it is open."""
    if of_file:
        found = OF_FILE.match(rest)
        return found[1] if found else None
    if below := IN_FOLDER.match(rest):
        return str(Path(*below.groups()))
    found = QUOTED.match(rest)
    return found[1] if found else None


def main() -> None:
    """Carry out a command, and print the operations that the harness has seen."""
    from tlrun.cli.main import run

    from reliability.harness_hooks import Recorded
    from reliability.harness_operations import watched

    runs_dir, *words = sys.argv[1:]
    seen = Recorded()
    with watched(Path(runs_dir), seen):
        code = run([*words, f"runs_dir={runs_dir}"])
    assert code == 0
    names = [f"{o.name} {Path(o.path).relative_to(runs_dir)}" for o in seen.operations]
    print(json.dumps(names), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
