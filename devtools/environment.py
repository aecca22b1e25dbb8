"""The virtual environment: made once, filled from a lock with hashes, left alone while the lock stays the same."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from devtools import ROOT, STATE, Problem, say, shown

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = "uv>=0.13,<0.14"  # the installer; what it installs is fixed by the locks and their hashes
RUN_LOCK, DEV_LOCK = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"


def _run(command: Sequence[str | Path], what: str) -> None:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise Problem(f"{what} failed:\n{done.stdout}{done.stderr}".rstrip())


def _succeeds(command: Sequence[str | Path]) -> bool:
    return (
        subprocess.run([str(c) for c in command], capture_output=True, check=False, cwd=ROOT).returncode == 0
    )


def _make_venv(venv: Path) -> None:
    say(f"Making {shown(venv)} ...")
    make = [sys.executable, "-m", "venv", "--clear"]
    # Debian's Python has no ensurepip unless python3-venv is installed: then without pip, uv is found another way.
    if not _succeeds([*make, venv]) and not _succeeds([*make, "--without-pip", venv]):
        shutil.rmtree(venv, ignore_errors=True)
        raise Problem(f"{sys.executable} cannot make a virtual environment. {_advice()}")


def _uv(venv: Path) -> Path | str:
    """uv: on the path, or in the environment, or put there by pip, or beside it by the system's pip."""
    own, beside, python = venv / "bin" / "uv", STATE / "uv", venv / "bin" / "python"
    if own.exists():
        return own
    if found := shutil.which("uv"):
        return found
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if _succeeds([python, "-m", "pip", "--version"]):
        _run([python, *install, UV], "Installing uv")
        return own
    if not _succeeds([sys.executable, "-m", "pip", "--version"]):
        raise Problem(f"There is no pip to install uv with. {_advice()}")
    _run([sys.executable, *install, "--upgrade", "--target", beside, UV], "Installing uv")
    return beside / "bin" / "uv"


def _advice() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"On Debian or Ubuntu: apt-get install python{version}-venv. Elsewhere: install uv and put it on the path. "
        "Then run this again."
    )


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def ensure(lock: Path, *, venv: Path = VENV) -> Path:
    """The environment's python, with the lock installed. At once when it already is."""
    python, stamp = venv / "bin" / "python", venv / f".installed-{lock.stem}"
    usable = python.exists() and subprocess.run([str(python), "-c", ""], check=False).returncode == 0
    if usable and stamp.exists() and stamp.read_text() == _digest(lock):
        return python
    if not usable:
        _make_venv(venv)
    uv = _uv(venv)
    say(f"Installing from {shown(lock)} ...")
    # The run-time lock is added to what is there, so that a demo after a test run does not take the test tools away.
    verb = ["install"] if lock == RUN_LOCK else ["sync"]
    requirements = ["-r", lock] if lock == RUN_LOCK else [lock]
    _run(
        [uv, "pip", *verb, "--quiet", "--require-hashes", "--python", python, *requirements],
        f"Installing {lock.name}",
    )
    stamp.write_text(_digest(lock))
    if lock == DEV_LOCK:  # it contains the run-time lock whole
        (venv / f".installed-{RUN_LOCK.stem}").write_text(_digest(RUN_LOCK))
    return python


def lock() -> None:
    """Write both locks anew from pyproject.toml: for all systems and Pythons, with hashes, without any address."""
    uv = _uv(VENV)
    common = [
        "--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
        "--custom-compile-command", "./dev lock", "--quiet",
    ]  # fmt: skip
    compile_ = [uv, "pip", "compile", "pyproject.toml", *common]
    _run([*compile_, "-o", RUN_LOCK.name], "Locking the run-time packages")
    _run(
        [*compile_, "--group", "dev", "-c", RUN_LOCK.name, "-o", DEV_LOCK.name],
        "Locking the development packages",
    )
    bench = ROOT / "benchmarks" / "requirements.in"
    if bench.exists():
        out = bench.with_suffix(".lock").relative_to(ROOT)
        _run(
            [uv, "pip", "compile", bench.relative_to(ROOT), *common, "-o", out],
            "Locking the benchmarks' packages",
        )


def child_environment(**values: str) -> dict[str, str]:
    """Our environment for children, with the virtual environment's programs first."""
    inherited = {
        key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"
    }  # 3 s a start
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**inherited, "PATH": path, "PYTHONUNBUFFERED": "1", **values}
