"""`python3 config/choose_python.py`: prints which Python the classroom is to run on.

A Python that was built without optimisations by profile, as pyenv builds it unless it is told to, takes a quarter more for all it
does, and a server of many small classes a tenth more in all. Where `python3` does not say that it was built with them, or is too
old, the distribution's own is taken, if that is new enough, no older, and can make environments.
"""

import subprocess
import sys
import sysconfig

DISTRIBUTIONS = "/usr/bin/python3"
OLDEST = (3, 11)


def would_do(python: str) -> bool:
    """Whether that Python is there, new enough, no older than this one, and can make environments."""
    asked = f"import sys, ensurepip, venv; sys.exit(sys.version_info[:2] < {max(OLDEST, sys.version_info[:2])})"
    try:
        return subprocess.run([python, "-c", asked], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    good = optimised and sys.version_info >= OLDEST
    sys.stdout.write("python3" if good or not would_do(DISTRIBUTIONS) else DISTRIBUTIONS)
