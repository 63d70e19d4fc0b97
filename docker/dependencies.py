"""Print the dependencies of the project without the project: `python dependencies.py api` for the extra `api`.

The images install them in a separate layer, which stays cached when the code of the project changes.
"""

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path


def dependencies(pyproject: Path, extras: Iterable[str]) -> list[str]:
    """The requirements in pyproject.toml for the project with these extras."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    return sorted({*project["dependencies"], *(requirement for extra in extras for requirement in optional[extra])})


if __name__ == "__main__":
    print(*dependencies(Path("pyproject.toml"), sys.argv[1:]), sep="\n")  # noqa: T201
