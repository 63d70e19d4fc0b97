"""The whitelist contract for import-linter: packages may import only what is listed for them."""

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class WhitelistContract(Contract):
    """Direct imports of `packages` must be inside of the packages themselves or of `allowed`.

    Third-party packages are checked only if `third_party` is set: it then lists all that are allowed. The standard
    library is always allowed.
    """

    packages = fields.ListField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=fields.StringField())
    third_party = fields.ListField(subfield=fields.StringField(), required=False)
    forbidden_third_party = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        own: list[str] = [*self.packages, *self.allowed]  # type: ignore[misc]
        violations = []
        for package in self.packages:  # type: ignore[attr-defined]
            for module in sorted({package, *graph.find_descendants(package)}):
                violations += [
                    f"{module} -> {imported}"
                    for imported in sorted(graph.find_modules_directly_imported_by(module))
                    if not self._permits(graph, imported, own)
                ]
        return ContractCheck(kept=not violations, metadata={"violations": violations})

    def _permits(self, graph: ImportGraph, imported: str, own: list[str]) -> bool:
        if graph.is_module_squashed(imported):
            root = imported.partition(".")[0]
            if root in sys.stdlib_module_names:
                return True
            banned: Any = self.forbidden_third_party or []
            permitted: Any = self.third_party
            return root not in banned and (permitted is None or root in permitted)
        return any(imported == package or imported.startswith(f"{package}.") for package in own)

    def render_broken_contract(self, check: ContractCheck) -> None:
        for violation in check.metadata["violations"]:
            output.print_error(f"not allowed: {violation}")
            output.new_line()
