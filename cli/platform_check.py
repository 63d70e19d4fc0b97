"""Whether the dependencies can be installed here: `python3 cli/platform_check.py`, which `make setup` runs first.

It runs before anything is installed, under any Python 3: only the standard library, and no syntax of this decade.
"""

import platform
import struct
import sys

OLDEST = (3, 11)
# The newest version for which every dependency has been looked up, see docs/OPERATIONS.md.
NEWEST_TRIED = (3, 14)
MACHINES = {"Linux": ("x86_64", "aarch64"), "Darwin": ("arm64",)}


def unsupported():
    # type: () -> str
    """What is wrong with this Python or this machine, and what to do; empty if nothing is."""
    if sys.version_info < OLDEST:
        return "AuraAnim needs Python %d.%d or newer, and this is %s: set PYTHON=python3.12, for example" % (
            OLDEST + (platform.python_version(),)
        )
    if platform.python_implementation() != "CPython":
        return "AuraAnim needs CPython, and this is %s: set PYTHON=..." % platform.python_implementation()
    system, machine = platform.system(), platform.machine()
    if machine not in MACHINES.get(system, ()) or struct.calcsize("P") != 8:
        supported = ", ".join(name + " " + " or ".join(MACHINES[name]) for name in sorted(MACHINES))
        return "torch and Ray have no packages for %s %s: use %s, or the Docker images there" % (
            system, machine, supported,
        )  # fmt: skip
    if system == "Linux" and platform.libc_ver()[0] != "glibc":
        return "torch and Ray have no packages for this C library: use a distribution with glibc, such as Debian"
    return ""


if __name__ == "__main__":
    sys.exit(unsupported() or 0)
