"""May this host be used, judged from one look. Each check says what it saw, what it wanted, and what helps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.hosts.overlays import Overlay, warning_of
from console.hosts.sight import Look, Sight
from runners.contract.identity import NEEDED_PACKAGES, RunnersIdentity

MINIMUM_PYTHON = (3, 11)
MAX_OFFSET_MS = 2000
GIB = 1024**3
# A login that runs one command has the system's path: on a Mac that finds Apple's own Python 3.9, and never Homebrew's.
PYTHON_THERE = {
    "Linux": "apt install python3 python3-venv",
    "Darwin": "brew install python@3.13, and `export PATH=/opt/homebrew/bin:$PATH` in ~/.zshenv",
}
CLOCK_THERE = {
    "Linux": "timedatectl set-ntp true",
    "Darwin": "System Settings > General > Date & Time > Set time and date automatically",
}
INODES = 100_000  # a training environment has some 30 000 files, and pip unpacks beside it


@dataclass(frozen=True)
class Check:
    """`must`: nothing goes on without it. The others are said, and left to the operator."""

    name: str
    holds: bool
    must: bool
    value: str
    limit: str
    fix: str = ""


@dataclass(frozen=True)
class Wanted:
    given_python: bool  # the operator named an interpreter: nothing is installed into it
    training: bool  # torch is needed
    ours: Mapping[str, str]  # versions on this machine

    @property
    def packages(self) -> tuple[str, ...]:
        return (*NEEDED_PACKAGES, *(("torch",) if self.training else ()))

    @property
    def disk_bytes(self) -> int:
        if self.given_python:
            return GIB // 2
        return (
            10 * GIB if self.training else GIB
        )  # torch with CUDA's libraries takes about 7 GiB, twice while it unpacks


def judge_overlays(overlays: Sequence[Overlay]) -> Check:
    """Of this machine, whatever hosts there are."""
    value = ", ".join(str(overlay) for overlay in overlays) or "none"
    fix = warning_of(overlays) or ""
    return Check("overlays", not fix, False, value, "at most one private network over others", fix)


def judge(look: Look, wanted: Wanted, *, installing: bool = True) -> tuple[Check, ...]:
    """In the order in which they would be mended. Packages are asked about where they would be used, or later."""
    sight = look.sight
    if sight is None:
        return (
            _quiet(look),
            Check(
                "python",
                False,
                True,
                "none",
                "Python 3.11 or newer",
                f"install it: {PYTHON_THERE['Linux']}; on a Mac: {PYTHON_THERE['Darwin']}",
            ),
        )
    return (
        _quiet(look),
        _system(sight),
        _python(sight),
        *(_before_installing(sight, wanted) if installing else ()),
        _directory(sight),
        _disk(sight, wanted),
        _inodes(sight),
        _memory(sight),
        _model(sight),
        _gpu(sight, wanted),
        *(_port(port, trouble) for port, trouble in sorted(sight.ports.items())),
        _clock(look, sight),
        _detaching(sight),
    )


def _quiet(look: Look) -> Check:
    """A verb's answers are lines on standard output: a greeting among them is refused as a malformed answer."""
    return Check(
        "quiet shell",
        not look.noise,
        True,
        f"it printed {look.noise[:120]!r}" if look.noise else "prints nothing of its own",
        "no output before ours",
        "in the shell's start-up file on the host, print only where `$-` contains i (an interactive shell)",
    )


def _system(sight: Sight) -> Check:
    fix = "a host with a system sshd has to be Linux or macOS"
    value = f"{sight.system} {sight.machine}"
    return Check("system", sight.system in ("Linux", "Darwin"), True, value, "Linux or Darwin", fix)


def _python(sight: Sight) -> Check:
    version = ".".join(str(part) for part in sight.python)
    fix = "install a newer one beside it (apt install python3.11, or pyenv), and name it with --python"
    if sight.system == "Darwin":
        fix = PYTHON_THERE["Darwin"]
    holds = sight.python[:2] >= MINIMUM_PYTHON
    return Check("python", holds, True, f"{version} at {sight.executable}", "3.11 or newer", fix)


def _venv(sight: Sight) -> Check:
    there = PYTHON_THERE["Darwin"] if sight.system == "Darwin" else "apt install python3-venv"
    fix = f"{there}, or name a Python that has our packages with --python"
    return Check("venv", sight.venv, True, "there" if sight.venv else "missing", "modules venv and ensurepip", fix)


def _before_installing(sight: Sight, wanted: Wanted) -> tuple[Check, ...]:
    """A named interpreter must have everything already; else an environment can be made."""
    if wanted.given_python:
        return (_packages(sight.versions, wanted.packages, wanted.ours, f"{sight.executable} -m pip install"),)
    return (_venv(sight),)


def _packages(found: Mapping[str, str | None], needed: tuple[str, ...], ours: Mapping[str, str], mend: str) -> Check:
    missing = [name for name in needed if found.get(name) is None]
    if missing:
        value, limit = f"missing: {', '.join(missing)}", "all that the runners import"
        return Check("packages", False, True, value, limit, f"{mend} {' '.join(missing)}")
    other = [f"{name} {found[name]} (here {ours[name]})" for name in found if _differs(found[name], ours.get(name))]
    if other:
        fix = "results stay within the lane's tolerances; bit-exactness is for equal versions"
        return Check("packages", False, False, f"other versions: {', '.join(other)}", "this machine's", fix)
    return Check("packages", True, True, "all there, versions as here", "all that the runners import")


def _differs(theirs: str | None, ours: str | None) -> bool:
    """A build's local part ("+cpu") is the device's business, not another version."""
    return theirs is not None and ours is not None and theirs.partition("+")[0] != ours.partition("+")[0]


def judge_code(identity: RunnersIdentity, ours: str, versions: Mapping[str, str], again: str) -> tuple[Check, ...]:
    """What answers there is what this machine would run itself."""
    found = {package.name: package.version for package in identity.packages}
    same = identity.runners_sha256 == ours
    value = f"sha256 {identity.runners_sha256[:16]}, {identity.python}"
    return (
        Check("code", same, True, value, f"sha256 {ours[:16]}, as this machine has it", again),
        _packages(found, NEEDED_PACKAGES, versions, again),
        _torch(found.get("torch")),
    )


def _torch(found: str | None) -> Check:
    return Check("torch", found is not None, False, found or "none", "a version, for training with torch",
                 "host add without --without-torch, or install it")  # fmt: skip


def _directory(sight: Sight) -> Check:
    trouble = sight.directory_trouble
    value = f"{sight.directory}: {trouble}" if trouble else sight.directory
    limit = f"a folder of our own below {sight.home}, in no checkout"
    return Check("directory", trouble is None, True, value, limit, "name another with --directory")


def _disk(sight: Sight, wanted: Wanted) -> Check:
    holds = sight.disk_free_bytes >= wanted.disk_bytes
    value, limit = f"{sight.disk_free_bytes / GIB:.1f} GiB free", f"{wanted.disk_bytes / GIB:.1f} GiB"
    return Check("disk", holds, True, value, limit, f"free some on the file system of {sight.directory}")


def _inodes(sight: Sight) -> Check:
    if sight.inodes_free is None:
        return Check("inodes", True, False, "made as needed by this file system", f"{INODES} free")
    fix = "`df -i` shows which file system is full of small files"
    return Check("inodes", sight.inodes_free >= INODES, True, f"{sight.inodes_free} free", f"{INODES} free", fix)


def _memory(sight: Sight) -> Check:
    return Check("memory", True, False, f"{sight.memory_bytes / GIB:.1f} GiB", "the lane's bring-up judges it")


def _model(sight: Sight) -> Check:
    value = sight.model_trouble or "nothing against it"
    fix = "give the folder of the host's own checkpoint with --model, or leave that out and the tiny one is sent"
    return Check("model", sight.model_trouble is None, True, value, "a checkpoint's folder", fix)


def _gpu(sight: Sight, wanted: Wanted) -> Check:
    limit = "a card, or a lane that lets the CPU compute"
    if sight.gpus is None and sight.system == "Darwin":
        return Check("gpu", False, False, "a Mac's, which torch doesn't use here", limit, "take the Mac as coordinator")
    if sight.gpus is None:
        return Check("gpu", not wanted.training, False, "no nvidia-smi", limit, "with a card: install NVIDIA's driver")
    if sight.gpus.trouble is not None or not sight.gpus.lines:
        value = sight.gpus.trouble or "nvidia-smi names no card"
        return Check("gpu", False, False, value, limit, "reload the driver, or restart the host after its update")
    return Check("gpu", True, False, "; ".join(sight.gpus.lines), limit)


def _port(port: str, trouble: str | None) -> Check:
    value = "free" if trouble is None else trouble
    fix = "only our agent listens there: stop what does, or give another port"
    return Check(f"port {port}", trouble is None, False, value, "free", fix)


def _clock(look: Look, sight: Sight) -> Check:
    """Nothing is decided by a host's clock; whoever reads the evidence later has only these times, though."""
    value = f"{look.offset_ms:+d} ms against here, give or take {look.rtt_ms:.0f} ms"
    holds = abs(look.offset_ms) <= MAX_OFFSET_MS + look.rtt_ms
    return Check("clock", holds, False, value, f"within {MAX_OFFSET_MS} ms", CLOCK_THERE.get(sight.system, "set it"))


def _detaching(sight: Sight) -> Check:
    if sight.system == "Darwin":
        return Check("detaching", True, False, "a session of its own", "a runner outlives its link")
    value = "systemd-run --user" if sight.systemd_user else "a session of its own; no systemd of the user answers"
    fix = "where logind has KillUserProcesses=yes: loginctl enable-linger"
    return Check("detaching", True, False, value, "a runner outlives its link", fix)
