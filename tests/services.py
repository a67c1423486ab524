"""Real servers for tests, from Debian's packages.

What always holds: a server listens on a Unix socket in a folder of its own and on no network; it ends with the process that
started it, even when that is killed; nothing of it is left on the disk after `close`. A missing program fails the test with
the package to install: a test that silently does not run proves nothing.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 20


class ServiceFailed(Exception):
    """A server that a test needs is missing, or does not start."""


def program(name: str, package: str, *folders: Path) -> str:
    """The path of a program, looked for in `folders` and then in PATH. Raises `ServiceFailed`, naming `package`."""
    places = os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=places)
    if found is None:
        raise ServiceFailed(
            f"{name} is not installed; these tests need the Debian package {package}: apt install {package}"
        )
    return found


class Service(ABC):
    """One server process. `folder` holds all that it writes."""

    stop_signal = signal.SIGTERM

    def __init__(self, name: str, user: str | None) -> None:
        self._name = name
        self._user = user if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix=f"classroom-{name}-"))
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The server's process. Raises `ServiceFailed` while it is stopped."""
        if self._process is None:
            raise ServiceFailed(f"{self._name} is not running")
        return self._process.pid

    def start(self) -> None:
        """Start the server and return when it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.as_user(self.command(), die_with_us=True),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise ServiceFailed(f"{self._name} does not start:\n{self.log()}")
            time.sleep(0.02)

    def stop(self, how: signal.Signals | None = None) -> None:
        """Stop the server and return when it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how or self.stop_signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Stop the server and remove what it wrote."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """The end of what the server wrote to its log."""
        return (self.folder / "log").read_text(errors="replace")[-4_000:]

    def as_user(self, command: Sequence[str], *, die_with_us: bool = False) -> list[str]:
        """`command` as the server's user, ended by the kernel when this process ends."""
        setpriv = [program("setpriv", "util-linux")]
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            setpriv += [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups"]
        if die_with_us:
            setpriv.append("--pdeathsig=KILL")
        return [*setpriv, "--", *command]

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def answers(self) -> bool: ...


class Postgres(Service):
    """PostgreSQL with one superuser, `postgres`, who needs no password. Made for speed: `fsync` is off."""

    stop_signal = signal.SIGINT  # "fast": do not wait for clients to leave

    def __init__(self) -> None:
        self._initdb, self._server, self._psql = (_postgres_program(name) for name in ("initdb", "postgres", "psql"))
        super().__init__("postgresql", "postgres")
        self._databases = 0
        options = ("--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8")
        made = subprocess.run(
            self.as_user([self._initdb, *options, "-D", str(self.folder / "data")]),
            capture_output=True,
            cwd=self.folder,
        )
        if made.returncode != 0:
            shutil.rmtree(self.folder)
            raise ServiceFailed(f"initdb fails: {made.stderr.decode(errors='replace')}")

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "max_connections": "100",
        }
        return [
            self._server,
            "-D",
            str(self.folder / "data"),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]

    def answers(self) -> bool:
        return self._sql("SELECT 1").returncode == 0

    def create_database(self) -> str:
        """Make an empty database; its name."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is still connected."""
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url(self, database: str) -> str:
        """The database's URL, as `open_journal` takes it."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement; what it answers, unaligned."""
        done = self._sql(statement, database)
        if done.returncode != 0:
            raise ServiceFailed(f"{statement}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode().strip()

    def _sql(self, statement: str, database: str = "postgres") -> subprocess.CompletedProcess[bytes]:
        words = [
            self._psql,
            "-X",
            "-A",
            "-t",
            "-h",
            str(self.folder),
            "-U",
            "postgres",
            "-d",
            database,
            "-c",
            statement,
        ]
        return subprocess.run(words, capture_output=True, cwd=self.folder)


def _postgres_program(name: str) -> str:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    return program(name, "postgresql", *versions)


class Redis(Service):
    """Redis that keeps nothing on the disk."""

    def __init__(self) -> None:
        self._server = program("redis-server", "redis-server")
        super().__init__("redis", None)

    @property
    def url(self) -> str:
        """The server's URL, as redis-py takes it."""
        return f"unix://{self.folder / 'redis.sock'}"

    def command(self) -> list[str]:
        return [
            self._server,
            "--port",
            "0",
            "--unixsocket",
            str(self.folder / "redis.sock"),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            str(self.folder),
        ]

    def answers(self) -> bool:
        try:
            return self.call("PING") == "+PONG"
        except OSError:
            return False

    def call(self, command: str, *, whole: bool = False) -> str:
        """Send one inline command; the first line of the answer, or with `whole` the text that it announces."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(str(self.folder / "redis.sock"))
            connection.sendall(command.encode() + b"\r\n")
            with connection.makefile("rb") as answer:
                line = answer.readline().decode().strip()
                return answer.read(int(line[1:])).decode() if whole else line


class RedisNode(Redis):
    """One master of a Redis Cluster: it listens on a port of the loopback, as a cluster must."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [
            *super().command(),
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--protected-mode",
            "no",
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            "1000",
            "--cluster-require-full-coverage",
            "no",
        ]


class RedisCluster:
    """Three masters with a third of the slots each, and no replicas. What happens to one leaves the others at work."""

    def __init__(self) -> None:
        self._client = program("redis-cli", "redis-tools")
        self.nodes = [RedisNode(port) for port in free_ports(3)]

    @property
    def url(self) -> str:
        """The cluster's URL, as `open_bus` takes it."""
        return self.nodes[0].url

    def start(self) -> None:
        """Start the nodes, join them, and return when each answers for the whole cluster."""
        for node in self.nodes:
            node.start()
        places = [f"127.0.0.1:{node.port}" for node in self.nodes]
        made = subprocess.run([self._client, "--cluster", "create", *places, "--cluster-yes"], capture_output=True)
        if made.returncode != 0:
            raise ServiceFailed(f"redis-cli --cluster create: {made.stdout.decode()}{made.stderr.decode()}")
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Return when every node knows every other as living, and takes writes: none does for its first two seconds."""
        deadline = time.monotonic() + START_SECONDS
        for node in self.nodes:
            while not self._whole(node):
                if time.monotonic() > deadline:
                    raise ServiceFailed("the nodes of the Redis Cluster do not find each other")
                time.sleep(0.02)

    def close(self) -> None:
        """Stop all nodes and remove what they wrote."""
        for node in self.nodes:
            node.close()

    def _whole(self, node: RedisNode) -> bool:
        lines = self._ask(node, "NODES")
        joined = len(lines) == len(self.nodes) and all(" connected " in line and "fail" not in line for line in lines)
        return joined and "cluster_state:ok" in self._ask(node, "INFO")

    def _ask(self, node: RedisNode, about: str) -> list[str]:
        asked = subprocess.run([self._client, "-p", str(node.port), "CLUSTER", about], capture_output=True)
        return asked.stdout.decode().splitlines()


def free_ports(count: int) -> list[int]:
    """Ports that are free, and whose neighbours 10,000 above are too: Redis nodes speak to each other there."""
    ports: list[int] = []
    # Below the ports that the system gives to clients, and apart from those of a process with the next id.
    for port in range(10_000 + os.getpid() * 37 % 11_000, 22_000):
        if len(ports) == count:
            return ports
        if _free(port) and _free(port + 10_000):
            ports.append(port)
    raise ServiceFailed("no free ports on the loopback")


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
