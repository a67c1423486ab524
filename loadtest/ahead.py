"""What is looked at before a run begins.

What always holds: where a run cannot go well this is said before anything is started, in a sentence (`CannotRun`); a deployment
is asked one question at each of its addresses. What an earlier run left in the folder is gone, so that it is not taken for this
one's.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtest import api
from loadtest.wire import Target

SECONDS = 10.0  # that a deployment may take to answer
RESULTS = ("load.json", "load.json.new", "figures.json", "report.html", "load.log", "server.log")
QUESTION = "/api/rooms?limit=1"  # which takes the API key


class CannotRun(Exception):
    """Why not, in a sentence for a person."""


def prepared(folder: Path) -> None:
    """Make the folder, without the results of an earlier run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in RESULTS:
            (folder / name).unlink(missing_ok=True)
        (folder / "load.log").touch()
    except OSError as error:
        raise CannotRun(f"Nothing can be written into --folder {folder}: {error.strerror}") from error


def compared_with(path: str) -> dict[str, Any] | None:
    """The figures of `--against`; None: none are given."""
    if not path:
        return None
    try:
        figures = json.loads(Path(path).read_text())["figures"]
    except OSError as error:
        raise CannotRun(f"--against {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError):
        figures = None
    if not isinstance(figures, dict):
        raise CannotRun(f"--against {path} is no figures.json of a run")
    return figures


def free(port: int) -> None:
    """Whether `--master-port` is; 0: none is asked for."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("", port))
        except OSError as error:
            raise CannotRun(f"--master-port {port} cannot be had: {error.strerror}") from error


def ask(hosts: Sequence[str], api_key: str) -> None:
    """Ask each address of the deployment whether it is one, and takes the key."""
    for host in hosts:
        trouble = wrong_with(host, api_key)
        if trouble:
            raise CannotRun(f"{host}: {trouble}")


def wrong_with(host: str, api_key: str, seconds: float = SECONDS) -> str:
    """What is wrong with one address, in words; empty: nothing."""
    try:
        answer = api.call(Target(host), "GET", QUESTION, api_key, timeout=seconds)
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not trusted: {error.verify_message} (SSL_CERT_FILE=… names one that is to be)"
    except ssl.SSLError as error:
        return f"it does not speak TLS as it should: {(error.reason or str(error)).lower().replace('_', ' ')}"
    except socket.gaierror as error:
        return f"no such host is known ({error.strerror})"
    except TimeoutError:
        return f"no answer came within {seconds:.0f} s"
    except OSError as error:
        return f"nothing answers there ({error.strerror or error})"
    except api.Failed as error:
        if error.status != 401:
            return f"it answers, but not as a classroom does ({error})"
        return "this is not its API key" if api_key else "it asks for its API key (--api-key or CLASSROOM_AUTH_API_KEY)"
    except (ValueError, http.client.HTTPException) as error:
        return _odd(host, error)
    return "" if isinstance(answer, dict) and "rooms" in answer else "it answers, but not as a classroom does"


def _odd(host: str, error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "this is not its API key"
    try:
        Target(host)
    except ValueError as wrong:
        return str(wrong)
    return f"it answers, but not as a classroom does ({type(error).__name__})"
