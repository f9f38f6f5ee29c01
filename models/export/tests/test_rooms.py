"""Packages import one way."""

import ast
from pathlib import Path

import assay_export

ORDER = ("read", "bodies", "text", "store", "operators", "models", "graph", "fused", "load", "prove")
"""A package imports those before it. The modules beside them come last, but those of FIRST, which import next to
nothing."""
FIRST = ("errors", "fields", "manifest")


def test_packages_import_one_way():
    root = Path(assay_export.__path__[0])
    found, wrong = 0, []
    for path in sorted(root.glob("*/*.py")):
        package = path.parent.name
        if package not in ORDER:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.level < 2:
                continue
            names = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
            found += len(names)
            wrong += [f"{package}/{path.name} imports {name}" for name in names
                      if name not in FIRST and not (name in ORDER and ORDER.index(name) < ORDER.index(package))]
    assert found > 50 and not wrong
