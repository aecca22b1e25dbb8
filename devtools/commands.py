"""The commands of `./dev`, one function each, and the table that names them."""

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from devtools import ROOT, STATE, Problem, environment, say, shown
from devtools.processes import Stage, Stopped, exclusive, raise_on_signals, wait_until
from devtools.services import Account, free_port, is_free, reachable_home, running_services, services

Arguments = list[str]
Command = list[str | Path]


# --- demo and serve -------------------------------------------------------------------------------------------


def demo(rest: Arguments) -> int:
    """load the demo books and statements, match them, print what agreed, and serve it"""
    parser = argparse.ArgumentParser(prog="./dev demo", description=demo.__doc__)
    parser.add_argument("--once", action="store_true", help="end after printing the result, without serving")
    parser.add_argument(
        "--import", nargs="+", default=[], dest="files", metavar="FILE", help="your own statement files"
    )
    parser.add_argument("--import-entries", metavar="FILE", help="your own books (CSV)")
    parser.add_argument(
        "--port", type=int, default=8000, help="the web port (default 8000; another is taken if it is in use)"
    )
    chosen = parser.parse_args(rest)
    load = ["demo"]
    if chosen.files:
        load += ["--import", *(str(existing(name)) for name in chosen.files)]
    if chosen.import_entries:
        load += ["--import-entries", str(existing(chosen.import_entries))]
    with exclusive(STATE / "demo.lock", "./dev demo"):
        python = environment.ensure(environment.RUN_LOCK)
        fresh("demo")
        with Stage() as stage:
            env = start_application(stage, python, "demo")
            quiet = {"LOG_LEVEL": "WARNING", **env}  # the table is what people came for
            if stage.run("manage.py demo", [python, "manage.py", *load], env=quiet, cwd=ROOT) != 0:
                raise Problem(f"The demo data could not be loaded (see above).{logs('demo')}")
            if not chosen.once:
                serve_web(stage, python, env, "demo", chosen.port)
    return 0


def serve(rest: Arguments) -> int:
    """run web, worker and beat on this machine, with data that stays"""
    parser = argparse.ArgumentParser(prog="./dev serve", description=serve.__doc__)
    parser.add_argument(
        "--port", type=int, default=8000, help="the web port (default 8000; another is taken if it is in use)"
    )
    chosen = parser.parse_args(rest)
    with exclusive(STATE / "serve.lock", "./dev serve"):
        python = environment.ensure(environment.RUN_LOCK)
        with Stage() as stage:
            env = start_application(stage, python, "serve")
            say(
                'Make an organization and its first person with: ./dev manage create_organization "NAME" --owner EMAIL'
            )
            serve_web(stage, python, env, "serve", chosen.port)
    return 0


def start_application(stage: Stage, python: Path, name: str) -> dict[str, str]:
    """Database, broker, migrations and a worker; the environment for everything else."""
    read_dotenv()
    say("Starting PostgreSQL and Valkey ...")
    env = application_environment(name, services(stage, python, name, durable=True))
    remember(stage, name, env)
    say("Migrating ...")
    if (
        stage.run(
            "manage.py migrate", [python, "manage.py", "migrate", "--verbosity", "0"], env=env, cwd=ROOT
        )
        != 0
    ):
        raise Problem("The database could not be migrated (see above).")
    celery: Command = [python, "-m", "celery", "-A", "config"]
    log = STATE / name / "logs"
    worker = [
        *celery,
        "worker",
        "--concurrency",
        "2",
        "--loglevel",
        "INFO",
        "--without-mingle",
        "--without-gossip",
    ]
    # SIGQUIT: don't wait for a long task; its message and its job's row bring it back at the next start.
    stage.start("The worker", worker, env=env, log=log / "worker.log", stop_signal=signal.SIGQUIT, cwd=ROOT)
    return env


def serve_web(stage: Stage, python: Path, env: dict[str, str], name: str, port: int) -> None:
    log = STATE / name / "logs"
    beat: Command = [python, "-m", "celery", "-A", "config", "beat", "--loglevel", "INFO", "--pidfile", ""]
    stage.start("Beat", beat, env=env, log=log / "beat.log", cwd=ROOT)
    port = port if port and is_free(port) else free_port()
    address = f"127.0.0.1:{port}"
    gunicorn: Command = [
        python, "-m", "gunicorn", "config.wsgi", "--bind", address, "--workers", "2", "--threads", "4",
        "--no-control-socket", "--timeout", "120", "--graceful-timeout", "5", "--error-logfile", "-",
    ]  # fmt: skip
    web = stage.start(
        "The web server", gunicorn, env=env, log=log / "web.log", stop_signal=signal.SIGINT, cwd=ROOT
    )
    wait_until(lambda: answers(f"http://{address}/ready"), child=web, seconds=60, what="The web server")
    say(
        f"\nTieout runs at http://{address}/admin/   (API docs: http://{address}/api/docs/; logs: {shown(log)}/)"
    )
    say("Ctrl-C stops it and everything it started.")
    stage.wait()


def application_environment(name: str, addresses: dict[str, str]) -> dict[str, str]:
    secret = STATE / name / "secret_key"
    if not secret.exists():
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(50))
    ours = {
        "SECRET_KEY": secret.read_text(),
        "TIEOUT_HTTPS": "False",  # loopback: no certificate to speak HTTPS with
        "TIEOUT_STORAGE_ROOT": str(STATE / name / "storage"),
    }
    return environment.child_environment(
        **{**ours, **{k: v for k, v in os.environ.items() if k in ours}, **addresses}
    )


def read_dotenv() -> None:
    """Variables of a `.env` in the checkout, where the environment does not name them already."""
    path = ROOT / ".env"
    for line in path.read_text().splitlines() if path.exists() else []:
        key, sign, value = line.strip().partition("=")
        if sign and not key.startswith("#") and value:
            os.environ.setdefault(key.strip(), value.strip().strip("\"'"))


def remember(stage: Stage, name: str, env: dict[str, str]) -> None:
    """Lets `./dev manage` talk to what runs; forgotten when it stops."""
    names = ("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "TIEOUT_HTTPS", "TIEOUT_STORAGE_ROOT")
    path = STATE / name / "running.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({key: env[key] for key in names}))
    stage.cleanups.append(lambda: path.unlink(missing_ok=True))


def manage(rest: Arguments) -> int:
    """run manage.py against what `./dev serve`, `./dev demo` or `./dev services` has running"""
    python = environment.ensure(environment.RUN_LOCK)
    found: dict[str, str] = {}
    for name in ("serve", "demo"):
        if not found and (path := STATE / name / "running.json").exists():
            found = json.loads(path.read_text())
    if not found and (found := running_services()):
        found = {"SECRET_KEY": "for development only", "TIEOUT_HTTPS": "False", **found}
    if not found and "DATABASE_URL" not in os.environ:
        raise Problem(
            "Nothing is running. Start ./dev serve, ./dev demo or ./dev services, or set DATABASE_URL."
        )
    return subprocess.run(
        [str(python), "manage.py", *rest], env=environment.child_environment(**found), cwd=ROOT, check=False
    ).returncode


def fresh(name: str) -> None:
    """The demo begins with nothing, every time."""
    for folder in {STATE / name, reachable_home(Account.choose()) / name}:
        shutil.rmtree(folder, ignore_errors=True)


def existing(name: str) -> Path:
    path = Path(name).expanduser().resolve()
    if not path.is_file():
        raise Problem(f"{name}: there is no such file.")
    return path


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def logs(name: str) -> str:
    return f" Logs: {shown(STATE / name / 'logs')}/"


# --- test -----------------------------------------------------------------------------------------------------


def test(rest: Arguments) -> int:
    """run the tests (arguments go to pytest; without a path: all of them, on every core)"""
    if not any(not argument.startswith("-") and Path(argument.split("::")[0]).exists() for argument in rest):
        rest = ["-n", "auto", *rest]
    return on_test_services([environment.ensure(environment.DEV_LOCK), "-m", "pytest", *rest])


def hammer(rest: Arguments) -> int:
    """random acts of all kinds over the same records, from many processes that are killed: see --help"""
    return on_test_services([environment.ensure(environment.DEV_LOCK), "-m", "tests.hammer", *rest])


def fuzz(rest: Arguments) -> int:
    """generated requests for every operation of the API, held against its OpenAPI document: see --help"""
    return on_test_services([environment.ensure(environment.DEV_LOCK), "-m", "tests.fuzz", *rest])


def on_test_services(command: Command) -> int:
    """SIGINT ends it: pytest then says what has failed so far."""
    with Stage() as stage:
        env = test_environment(stage, Path(command[0]))
        return stage.run(str(command[2]), command, env=env, cwd=ROOT, stop_signal=signal.SIGINT)


def test_environment(stage: Stage, python: Path) -> dict[str, str]:
    name = f"test-{os.getpid()}"
    addresses = running_services()
    if not addresses:
        home = reachable_home(Account.choose())
        stage.cleanups += [
            lambda: shutil.rmtree(home / name, ignore_errors=True),
            lambda: shutil.rmtree(STATE / name, ignore_errors=True),
        ]
        addresses = services(stage, python, name, durable=False)
    return environment.child_environment(**addresses)


def services_command(rest: Arguments) -> int:
    """start PostgreSQL and Valkey for tests and leave them running (`./dev services stop` ends them)"""
    parser = argparse.ArgumentParser(prog="./dev services", description=services_command.__doc__)
    parser.add_argument("act", nargs="?", default="start", choices=["start", "stop"])
    act = parser.parse_args(rest).act
    folder = STATE / "services"
    if act == "stop":
        return stop_services(folder)
    if not running_services():
        python = environment.ensure(environment.DEV_LOCK)
        fresh("services")
        with Stage() as stage:
            addresses = services(stage, python, "services", durable=False)
            ports = [int(url.rsplit(":", 1)[1].split("/")[0]) for url in addresses.values()]
            pids = {child.process.pid: int(child.stop_signal) for child in stage.children}
            state = folder / "state.json"
            state.touch(mode=0o600)
            state.write_text(json.dumps({"environment": addresses, "ports": ports, "pids": pids}))
            stage.leave_running()
    for key, value in running_services().items():
        say(f"export {key}={value}")
    return 0


def stop_services(folder: Path) -> int:
    if running_services():
        pids = json.loads((folder / "state.json").read_text())["pids"]
        for pid, number in pids.items():
            with suppress(ProcessLookupError):
                os.kill(int(pid), number)
        deadline = time.monotonic() + 10
        while running_services() and time.monotonic() < deadline:
            time.sleep(0.1)
    fresh("services")
    return 0


# --- check, fix, lock -----------------------------------------------------------------------------------------


def check(rest: Arguments) -> int:
    """format, lint, types, import contracts, migrations, deployment settings, API schema: all of them, then a summary"""
    argparse.ArgumentParser(prog="./dev check", description=check.__doc__).parse_args(rest)
    python = environment.ensure(environment.DEV_LOCK)
    tool: Command = [python, "-m"]
    manage_py: Command = [python, "manage.py"]
    checks: dict[str, Command] = {
        "format": [*tool, "ruff", "format", "--check", "."],
        "lint": [*tool, "ruff", "check", "."],
        "types": [*tool, "mypy"],
        "import contracts": [environment.VENV / "bin" / "lint-imports", "--no-cache"],
        "migrations": [*manage_py, "makemigrations", "--check", "--dry-run"],
        "deployment": [*manage_py, "check", "--deploy", "--fail-level", "WARNING"],
        "API schema": [*manage_py, "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull],
    }
    with Stage() as stage:
        env = test_environment(stage, python) | {"SECRET_KEY": secrets.token_urlsafe(50)}
        failed = []
        for name, command in checks.items():
            say(f"--- {name}")
            if stage.run(name, command, env=env, cwd=ROOT) != 0:
                failed.append(name)
    say(f"\nFailed: {', '.join(failed)}" if failed else "\nAll checks passed.")
    return 1 if failed else 0


def fix(rest: Arguments) -> int:
    """format the code, and mend what the linter can mend by itself"""
    argparse.ArgumentParser(prog="./dev fix", description=fix.__doc__).parse_args(rest)
    python = environment.ensure(environment.DEV_LOCK)
    codes = [
        subprocess.run([str(python), "-m", "ruff", *words, "."], cwd=ROOT, check=False).returncode
        for words in (["check", "--fix"], ["format"])
    ]
    return max(codes)


def lock(rest: Arguments) -> int:
    """write requirements.lock and requirements-dev.lock anew from pyproject.toml"""
    argparse.ArgumentParser(prog="./dev lock", description=lock.__doc__).parse_args(rest)
    environment.lock()
    return 0


# --- bench ----------------------------------------------------------------------------------------------------

BENCHMARKS = {path.stem: path for path in sorted((ROOT / "benchmarks").glob("[a-z]*.py"))}


def bench(rest: Arguments) -> int:
    """measure against bare work on the same data: ./dev bench [NAME [arguments]]"""
    if rest and rest[0] not in BENCHMARKS:
        raise Problem(f"There is no benchmark {rest[0]!r}; there are: {', '.join(BENCHMARKS)}.")
    python = environment.ensure(environment.RUN_LOCK)
    runs: dict[str, Arguments] = {rest[0]: rest[1:]} if rest else {name: [] for name in BENCHMARKS}
    return max(benchmark(python, name, more) for name, more in runs.items())


def benchmark(python: Path, name: str, more: Arguments) -> int:
    """One of them, over services and an empty database of its own."""
    fresh("bench")
    with Stage() as stage:
        say(f"--- {name}")
        env = application_environment("bench", services(stage, python, "bench", durable=True))
        return stage.run(name, [python, BENCHMARKS[name], *more], env=env, cwd=ROOT)


# --- the table ------------------------------------------------------------------------------------------------

COMMANDS: dict[str, Callable[[Arguments], int]] = {
    "demo": demo,
    "test": test,
    "hammer": hammer,
    "fuzz": fuzz,
    "serve": serve,
    "check": check,
    "fix": fix,
    "lock": lock,
    **({"bench": bench} if BENCHMARKS else {}),
    "services": services_command,
    "manage": manage,
}


def usage() -> str:
    lines = [f"  {name:<10} {command.__doc__}" for name, command in COMMANDS.items()]
    return (
        "usage: ./dev COMMAND [arguments]\n\n"
        + "\n".join(lines)
        + "\n\nEach command makes what it needs: ./dev COMMAND --help says more."
    )


def main(arguments: Arguments) -> int:
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        say(usage())
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        say(f"./dev has no command {name!r}.\n\n{usage()}")
        return 2
    raise_on_signals()
    try:
        return COMMANDS[name](rest)
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except Stopped as stopped:
        return 0 if stopped.number == signal.SIGINT and name in {"demo", "serve"} else 128 + stopped.number
