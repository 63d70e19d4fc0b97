"""Print what the project needs besides itself: `python dependencies.py api` for the extra `api`.

So the images install dependencies in a layer of their own, which a change of our code leaves as it is.
"""

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path


def dependencies(pyproject: Path, extras: Iterable[str]) -> list[str]:
    """The requirements of the project with these extras, as pyproject.toml names them."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    return sorted({*project["dependencies"], *(wanted for extra in extras for wanted in optional[extra])})


if __name__ == "__main__":
    print(*dependencies(Path("pyproject.toml"), sys.argv[1:]), sep="\n")  # noqa: T201
