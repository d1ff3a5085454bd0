"""The rules of the house, checked on the sources: who may import whom, how long a module is, what has a test."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGE = CHECKOUT / "aigc_studio"
MODULES = {
    ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

ALLOWED = {
    "core": set(),
    "nets": set(),
    "engines": {"core", "nets"},
    "training": {"core", "engines", "nets"},
    "demo": {"core", "engines"},
    "ui": {"core", "engines", "training", "demo"},
    "api": {"core", "engines"},
    "cli": {"core", "engines", "training", "demo", "ui", "api"},
    "bootstrap": {"core"},
    "__main__": {"bootstrap", "cli"},
    "__init__": set(),
}
"""Layer to the layers it may import from; the version in `aigc_studio` itself is free to all."""

LIMIT = 600
HEAVY = ("torch", "diffusers", "transformers")


def layer_of(module: str) -> str:
    """The layer of one of our modules: the name after `aigc_studio`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


class Facts(NamedTuple):
    """What is asked about a module. imports: (imported module of ours or other, line, at module level) of every import
    statement. lines: of its text. named: whether it has a docstring. silent: public names without one."""

    imports: list[tuple[str, int, bool]]
    lines: int
    named: bool
    silent: list[str]


@cache
def facts_of(module: str) -> Facts:
    """Parsed and walked through once for all tests."""
    text = MODULES[module].read_text(encoding="utf-8")
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    named = bool(ast.get_docstring(tree))
    return Facts(_imports(module, tree, nodes), text.count("\n"), named, _silent(module, tree, nodes))


def imports_of(module: str) -> list[tuple[str, int, bool]]:
    """See `Facts.imports`."""
    return facts_of(module).imports


def _imports(module: str, tree: ast.Module, nodes: list[ast.AST]) -> list[tuple[str, int, bool]]:
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    outer = {id(node) for node in _module_level(tree)}
    found = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno, id(node) in outer) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                above = ".".join(parts[: len(parts) - node.level + 1])
                base = f"{above}.{base}" if base else above
            for alias in node.names:
                full = f"{base}.{alias.name}"
                found.append((full if full in MODULES else base, node.lineno, id(node) in outer))
    return found


def _module_level(tree: ast.Module) -> list[ast.stmt]:
    """Statements that run at import: also those within `if` and `try`, but not under `if TYPE_CHECKING`."""
    found: list[ast.stmt] = []
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        for name in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try | ast.With):
                waiting += getattr(node, name, [])
    return found


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_the_layers_below(module: str) -> None:
    """Core knows nothing of ours, engines know core, api knows no window, ui and cli know all."""
    layer = layer_of(module)
    assert layer in ALLOWED, f"{module} belongs to no layer"
    for name, line, _ in imports_of(module):
        if name == "aigc_studio" or not name.startswith("aigc_studio."):
            continue
        other = layer_of(name)
        assert other == layer or other in ALLOWED[layer], f"{module}:{line} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_heavy_imports_stay_where_they_belong(module: str) -> None:
    """Qt is imported under ui only; torch and its like at module level under nets only."""
    layer = layer_of(module)
    for name, line, outer in imports_of(module):
        top = name.split(".")[0]
        assert top not in ("PySide6", "shiboken6", "qtawesome") or layer == "ui", f"{module}:{line} imports {name}"
        assert top not in HEAVY or not outer or layer == "nets", f"{module}:{line} imports {name} at module level"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_short_and_says_what_it_is(module: str) -> None:
    """At most 600 lines, and a docstring."""
    facts = facts_of(module)
    assert facts.lines <= LIMIT, f"{module} has {facts.lines} lines: it is perhaps two rooms in one"
    assert facts.named, f"{module} has no docstring"


def test_public_names_have_docstrings() -> None:
    """Every public module, class and function says what it is; overridden Qt methods are named by Qt."""
    silent = [name for module in MODULES for name in facts_of(module).silent]
    assert not silent, "without a docstring:\n" + "\n".join(silent)


def _silent(module: str, tree: ast.Module, nodes: list[ast.AST]) -> list[str]:
    silent = []
    for node in nodes:
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        for item in node.body:
            overridden = isinstance(item, ast.FunctionDef) and re.search(r"[a-z][A-Z]", item.name)
            if isinstance(item, ast.FunctionDef) and not item.name.startswith("_") and not overridden:
                setter = any(ast.unparse(mark).endswith((".setter", "overload")) for mark in item.decorator_list)
                if not ast.get_docstring(item) and not setter:
                    silent.append(f"{module}:{item.lineno} {node.name}.{item.name}")
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            named = bool(ast.get_docstring(node))
            silent += [] if named else [f"{module}:{node.lineno} {node.name}"]
    return silent


def test_no_import_cycles() -> None:
    """Modules can be read in some order from the bottom up."""
    edges = {
        module: {name for name, _, outer in imports_of(module) if outer and name in MODULES and name != module}
        for module in MODULES
    }
    done: set[str] = set()
    path: list[str] = []

    def visit(module: str) -> None:
        if module in path:
            raise AssertionError("import cycle: " + " -> ".join([*path[path.index(module) :], module]))
        if module in done:
            return
        path.append(module)
        for name in sorted(edges[module]):
            visit(name)
        path.pop()
        done.add(module)

    for module in MODULES:
        visit(module)


_PROBE = """
import importlib, json, sys
loaded = {}
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
    for heavy in ("PySide6", "torch", "diffusers", "transformers"):
        if heavy in sys.modules:
            loaded.setdefault(heavy, name)
print(json.dumps(loaded))
"""


def _loaded_by(modules: list[str]) -> dict[str, str]:
    """Heavy package to the first of these modules whose import, in a fresh process, brought it in."""
    variables = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-c", _PROBE, json.dumps(modules)]
    answer = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_importing_anything_but_ui_leaves_qt_and_torch_out() -> None:
    """The engine's child has no Qt; the command line and the bootstrap start quickly."""
    modules = [
        module for module in MODULES if layer_of(module) not in ("ui", "nets") and module != "aigc_studio.__main__"
    ]
    assert _loaded_by(modules) == {}


def test_importing_the_window_leaves_torch_out() -> None:
    """The window is on screen before torch could even be found."""
    loaded = _loaded_by([module for module in MODULES if layer_of(module) == "ui"])
    assert set(loaded) <= {"PySide6"}, loaded


@pytest.mark.parametrize("name", ["__init__", "__main__", "bootstrap"])
def test_the_first_modules_parse_on_an_old_python(name: str) -> None:
    """They name the version that is needed, so they must get that far."""
    ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("name", ["bootstrap", "__main__", "core.packages"])
def test_the_bootstrap_needs_the_standard_library_only(name: str) -> None:
    """Nothing is installed yet when it runs."""
    for imported, line, _ in imports_of(f"aigc_studio.{name}"):
        top = imported.split(".")[0]
        assert top in sys.stdlib_module_names or top == "aigc_studio", f"{name}:{line} imports {imported}"


# Everything that can be added has a test ------------------------------------------------------------------------------


def _test_text() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((CHECKOUT / "tests").rglob("test_*.py")))


def test_every_family_has_a_test() -> None:
    """A family is run by at least one test that imports or names it."""
    from aigc_studio.engines import registry

    text = _test_text()
    for module in registry.FAMILIES:
        family = importlib.import_module(module).FAMILY
        short = module.rpartition(".")[2]
        assert f'"{family.id}"' in text or f"import {short}" in text or module in text, f"no test of {module}"


@pytest.mark.parametrize(("holder", "table"), [("ui.panels", "PANELS"), ("ui.canvas.tools", "TOOLS")])
def test_every_panel_and_tool_has_a_test(holder: str, table: str) -> None:
    """Each entry of the table is named by a test."""
    if f"aigc_studio.{holder}" not in MODULES:
        pytest.skip(f"{holder} does not exist")
    text = _test_text()
    for entry in getattr(importlib.import_module(f"aigc_studio.{holder}"), table, ()):
        module = getattr(entry, "module", None) or getattr(entry, "__module__", type(entry).__module__)
        name = module.rpartition(".")[2]
        assert re.search(rf"\b{re.escape(name)}\b", text), f"no test of {module}"


def test_every_migration_has_an_old_project() -> None:
    """A format that we once wrote can still be opened: a kept project of each earlier version."""
    from aigc_studio.core import migrations

    steps = sorted(getattr(migrations, "MIGRATIONS", {}))
    kept = CHECKOUT / "tests" / "data" / "projects"
    for version in steps:
        assert any(kept.glob(f"*{version - 1}*")), f"no kept project of format {version - 1}"


def test_nothing_speaks_of_where_it_was_written() -> None:
    """Sources name no private folders."""
    private = re.compile(r"(?<![\w.])/(home|root)/\w")
    for path in [*PACKAGE.rglob("*.py"), *(CHECKOUT / "tests").rglob("*.py"), CHECKOUT / "pyproject.toml"]:
        if path != Path(__file__).resolve():
            assert not private.search(path.read_text(encoding="utf-8")), path
