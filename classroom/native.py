"""Loops in C: built once on this machine by its C compiler, and then by nobody's asking.

What always holds: where one cannot be had, and for whatever reason, there is a loop in Python that serves. A library is loaded
only if nobody else could have written it: from beside its source (an image may bring it along: `libcrowd.so` with `crowd.c`; as
`crowd.so` Python would take it for the module `crowd`), or out of a folder that is this user's alone. Its name there is a
digest of the source and of what it was made for, so that another version is built anew.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

FLAGS = ("-O2", "-shared", "-fPIC")
SECONDS = 60.0  # that the compiler may take; it takes a tenth of one


class Unavailable(Exception):
    """There is no loop in C here; the words say why."""


def load(source: Path, folder: Path, layout: int) -> ctypes.CDLL:
    """The library of a source, built where that has not been done. `folder`: where it is kept. `layout`: what the library's own
    function of that name must say, lest one of another version be used. Raises `Unavailable`, `OSError`."""
    if platform.system() != "Linux":
        raise Unavailable(f"it is for Linux, and this is {platform.system()}")
    library = source.with_name(f"lib{source.stem}.so")
    if not library.is_file():
        library = _kept(source, folder)
    loaded = ctypes.CDLL(str(library))
    if not hasattr(loaded, "layout") or loaded.layout() != layout:
        raise Unavailable(f"{library} is of another version")
    return loaded


def _kept(source: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made_for = (platform.machine(), *platform.libc_ver(), *FLAGS)
    digest = hashlib.sha256(source.read_bytes() + repr(made_for).encode()).hexdigest()
    library = folder / f"{source.stem}-{digest[:16]}.so"
    _check_owner(folder)
    if not library.exists():
        _build(source, library)
    _check_owner(library)
    return library


def _check_owner(path: Path) -> None:
    found = path.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Unavailable(f"others than this user could have written {path}")


def _build(source: Path, library: Path) -> None:
    """Have the C compiler make it. It takes its place in one step, since another process may do the same at this moment."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Unavailable("there is no C compiler (cc) here")
    descriptor, name = tempfile.mkstemp(dir=library.parent, suffix=".so")
    os.close(descriptor)
    try:
        command = [compiler, *FLAGS, "-o", name, str(source)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
        if done.returncode != 0:
            said = (done.stderr.strip().splitlines() or ["nothing"])[0]
            raise Unavailable(f"{compiler} ended with {done.returncode}; it said: {said[:200]}")
        Path(name).chmod(0o700)
        Path(name).replace(library)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{compiler} took more than {SECONDS:g} s") from error
    finally:
        Path(name).unlink(missing_ok=True)
