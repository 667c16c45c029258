"""How the rules about the code read the source: files, modules, names. Nothing of the package is imported here."""

import ast
import gc
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeVar, cast

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parents[2]
NOT_TEXT = {".png", ".jpg", ".ico", ".woff2", ".gz", ".pdf"}
NOT_OURS = {".git", ".venv", "__pycache__", "node_modules"}
Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True)
class File:
    """One Python file: its path, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        parts = self.path.removesuffix(".py").split("/")
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """The package that a leading dot in a relative import means."""
        return self.module if self.path.endswith("/__init__.py") else self.module.rpartition(".")[0]

    @cached_property
    def _by_kind(self) -> dict[type[ast.AST], list[ast.AST]]:
        # Every rule asks for a few kinds of nodes of every file: the trees are walked once for all of them.
        found: dict[type[ast.AST], list[ast.AST]] = {}
        for node in ast.walk(self.tree):
            found.setdefault(type(node), []).append(node)
        return found

    def nodes(self, *kinds: type[Node]) -> list[Node]:
        """Every node of these kinds, from the outside to the inside, and one kind after the other."""
        return [node for kind in kinds for node in cast("list[Node]", self._by_kind.get(kind, []))]


@cache
def parsed(path: str, text: str) -> File:
    """Parses a file, or a snippet in a test, with the syntax of the oldest supported Python. Raises SyntaxError."""
    # Trees are kept to the end and are very many objects: nobody need look again and again for garbage among them.
    gc.disable()
    try:
        return File(path, text, ast.parse(text, filename=path, feature_version=OLDEST_PYTHON))
    finally:
        gc.freeze()
        gc.enable()


def unreadable(path: str, text: str) -> list[str]:
    """The syntax error that the oldest supported Python reports for a file, if any."""
    try:
        parsed(path, text)
    except SyntaxError as error:
        return [f"{path}:{error.lineno}: {error.msg} (Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]})"]
    return []


@cache
def tracked_paths() -> tuple[str, ...]:
    """The path of every file that is tracked, or new and not ignored by .gitignore."""
    if (ROOT / ".git").exists():
        command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    else:
        listed = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*")]
    paths = {path for path in listed if path and not NOT_OURS & set(Path(path).parts)}
    return tuple(sorted(path for path in paths if (ROOT / path).is_file()))


@cache
def tracked_texts() -> tuple[tuple[str, str], ...]:
    """Path and text of every tracked text file."""
    paths = [path for path in tracked_paths() if Path(path).suffix not in NOT_TEXT]
    return tuple((path, (ROOT / path).read_text(encoding="utf-8")) for path in paths)


@cache
def python_files(*folders: str) -> tuple[File, ...]:
    """Every Python file under these folders (`gerbang`, `tests`, …), parsed. Those with syntax errors are left out."""
    prefixes = tuple(f"{folder}/" for folder in folders)
    found = tuple(file for path, text in tracked_texts() if path.startswith(prefixes) for file in _parsed(path, text))
    assert found, f"no Python file under {folders}: the rule would check nothing"
    return found


def _parsed(path: str, text: str) -> Iterator[File]:
    if path.endswith(".py"):
        with suppress(SyntaxError):
            yield parsed(path, text)


@cache
def sql_files() -> tuple[tuple[str, str], ...]:
    """Path and text of every SQL file of the package."""
    ours = (each for each in tracked_texts() if each[0].startswith("gerbang/"))
    return tuple((path, text) for path, text in ours if path.endswith(".sql"))


def imports(file: File) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything that a file imports, at the top or inside functions.

    `from a.b import c` counts as `a.b.c`, relative imports are resolved, imports for type checkers count, and so do
    `import_module("a.b")` and `__import__("a.b")` with the name written out.
    """
    for node in file.nodes(ast.Import):
        yield from ((node.lineno, alias.name) for alias in node.names)
    for node in file.nodes(ast.ImportFrom):
        source = _imported_from(file, node)
        yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)
    for node in file.nodes(ast.Call):
        if node.args and _last_name(node.func) in {"import_module", "__import__"}:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value


def _imported_from(file: File, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = file.package.split(".")
    above = package[: len(package) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def uses(file: File) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything imported and of every attribute reached through an import.

    With `from datetime import datetime as dt`, `dt.now()` is `datetime.datetime.now`.
    """
    origins: dict[str, str] = {}
    for node in file.nodes(ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            origins[alias.asname or first] = alias.name if alias.asname else first
    for node in file.nodes(ast.ImportFrom):
        source = _imported_from(file, node)
        origins.update({alias.asname or alias.name: f"{source}.{alias.name}" for alias in node.names})
    yield from imports(file)
    for node in file.nodes(ast.Attribute):
        if name := _dotted(node, origins):
            yield node.lineno, name


def _dotted(node: ast.expr, origins: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return origins.get(node.id, "")
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value, origins)):
        return f"{before}.{node.attr}"
    return ""


def strings(file: File) -> Iterator[tuple[int, str]]:
    """Line and text of every string literal that is not a docstring; expressions in f-strings are left out."""
    seen: set[int] = set()
    for node in file.nodes(ast.Expr):
        if isinstance(node.value, ast.Constant):
            seen.add(id(node.value))
    for node in file.nodes(ast.JoinedStr):
        pieces = [piece for piece in node.values if isinstance(piece, ast.Constant)]
        seen.update(id(piece) for piece in pieces)
        yield node.lineno, " … ".join(str(piece.value) for piece in pieces)
    for node in file.nodes(ast.Constant):
        if isinstance(node.value, str) and id(node) not in seen:
            yield node.lineno, node.value


def identifiers(file: File) -> Iterator[tuple[int, str]]:
    """Line and spelling of every name that a file defines, uses, passes or imports."""
    yield from ((node.lineno, node.id) for node in file.nodes(ast.Name))
    yield from ((node.lineno, node.attr) for node in file.nodes(ast.Attribute))
    yield from ((node.lineno, node.arg) for node in file.nodes(ast.arg))
    yield from ((node.lineno, node.arg) for node in file.nodes(ast.keyword) if node.arg is not None)
    for node in file.nodes(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
        yield node.lineno, node.name
    for node in file.nodes(ast.alias):
        yield node.lineno, node.name
        yield node.lineno, node.asname or node.name
