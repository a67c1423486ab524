"""A presentation made a PDF by LibreOffice (in a worker process).

What always holds: it runs with a profile of its own that is thrown away, without macros, without a network where the system
can do that, and never longer or larger than it may; the server itself never opens the file.
"""

from __future__ import annotations

import ctypes
import resource
import shutil
import signal
import subprocess
from pathlib import Path

from classroom.kernel import Rejected

PROGRAMS = ("soffice", "libreoffice")
PR_SET_PDEATHSIG = 1
DESCRIPTORS = 1_024
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse">
<value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse">
<value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse">
<value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableActiveContent" oor:op="fuse">
<value>true</value></prop></item>
</oor:items>
"""


def find(office: str) -> str | None:
    """LibreOffice's program: the one that is set, or one that is installed. An absolute path: who runs it works elsewhere."""
    found = next((found for name in ([office] if office else PROGRAMS) if (found := shutil.which(name))), None)
    return None if found is None else str(Path(found).absolute())


def convert(program: str, source: Path, folder: Path) -> Path:
    """The PDF of a presentation. Raises `Rejected("bad_file")`."""
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(PROFILE, "utf-8")
    target = folder / "converted"
    target.mkdir()
    command = [program, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore", "--nologo"]
    subprocess.run(
        [*command, "--convert-to", "pdf:impress_pdf_Export", "--outdir", str(target), str(source)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        preexec_fn=_end_with_us,
    )
    made = target / f"{source.stem}.pdf"
    if not made.is_file():
        raise Rejected("bad_file", "LibreOffice cannot read this presentation.")
    return made


def _end_with_us() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))
