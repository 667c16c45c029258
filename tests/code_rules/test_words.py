"""Words and sizes: empty names, files without a docstring, functions and files that are too long, leftovers."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from .source import (
    File,
    identifiers,
    parsed,
    python_files,
    sql_files,
    strings,
    tracked_paths,
    tracked_texts,
    unreadable,
    uses,
)

FOLDERS = ("gerbang", "tests", "benchmarks")

EMPTY_WORDS = frozenset(
    {
        "util",
        "utils",
        "helper",
        "helpers",
        "common",
        "misc",
        "base",
        "core",
        "manager",
        "managers",
        "handler",
        "handlers",
        "info",
    }
)
"""Names that fit everything and therefore say nothing. Use the noun for what is in there."""

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 450

MAY_BE_LONGER: dict[str, str] = {}
"""`path` or `path::Class.function` -> why it should not be split. An entry that is no longer needed fails a test."""

MACHINE_PATHS_ALLOWED: dict[tuple[str, str], str] = {
    ("gerbang/db/embedded.py", "/t" + "mp"): "the system's folder for short socket paths, on every Unix",
    ("gerbang/db/server_programs.py", "/v" + "ar/lib"): "where root keeps a copy of programs that another account runs",
    ("docs/decisions/0003-embedded-postgresql.md", "/v" + "ar/lib"): "the same, explained",
    ("gerbang/db/server_programs.py", "/v" + "ar/tmp"): "where root keeps a copy of programs that another account runs",
    ("docs/sandbox.md", "/v" + "ar/lib"): "where root's database may be kept, for whoever removes it",
    ("docs/sandbox.md", "/v" + "ar/tmp"): "the same",
}
"""(path, the text found) -> why the path is right on every system and not specific to one machine."""

# The brackets keep these expressions from matching themselves: this file is searched too.
LATER = re.compile(r"\b(?:TO[D]O|FIX[M]E)\b")
MACHINE_PATH = re.compile(
    r"(?<![\w.~:/>}\])$-])/(?:[h]ome/|[r]oot\b|[w]ork(?:space)?(?![\w-])|[t]mp\b|[U]sers/|[m]nt/|[v]ar/(?:lib|tmp|folders)\b)"
)
REGISTRY = re.compile(
    r"pypi\.o[r]g|pythonhosted\.o[r]g|registry\.npmj[s]|proxy\.golang\.o[r]g|artifac[t]ory|(?<!emit-)index-ur[l]"
    r"|trusted-hos[t]",
    re.IGNORECASE,
)
MOCKS = ("unittest.mock", "mock", "pytest_mock")
SKIPPING = ("pytest.skip", "pytest.xfail", "pytest.importorskip", "unittest.skip")
MARKS = re.compile(r"pytest\.mark\.(?:skip|skipif|xfail)\b")
LAYERS_BELOW_DIALECTS = ("gerbang/domain/", "gerbang/db/", "gerbang/services/")
METHOD = re.compile(r"payment_?methods?(?![a-z])", re.IGNORECASE)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def empty_words(path: str) -> list[str]:
    words = set(re.split(r"[/._-]+", path.lower()))
    return [f"{path}: {word!r} says nothing; name the thing that is in it" for word in sorted(words & EMPTY_WORDS)]


def empty_class_names(file: File) -> list[str]:
    found: list[str] = []
    for node in file.nodes(ast.ClassDef):
        words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+", node.name)}
        found += [f"{file.path}:{node.lineno}: {node.name}: {word!r} says nothing" for word in words & EMPTY_WORDS]
    return found


def payment_methods(file: File) -> list[str]:
    if not file.path.startswith(LAYERS_BELOW_DIALECTS):
        return []
    named = list(identifiers(file))
    if file.path.startswith("gerbang/db/"):
        named += strings(file)
    return [
        f"{file.path}:{line}: the two dialects mean different things by a payment method; say channel or charge"
        for line, name in named
        if METHOD.search(name)
    ]


def missing_docstring(file: File) -> list[str]:
    """Every file but an empty one begins with a docstring that says what is in it."""
    if not file.text.strip() or (ast.get_docstring(file.tree) or "").strip():
        return []
    return [f"{file.path}: begin it with a docstring of one to three sentences about what is in it"]


def missing_sql_comment(path: str, text: str) -> list[str]:
    comment: list[str] = []
    for line in text.lstrip().splitlines():
        if not line.startswith("--"):
            break
        comment.append(line.lstrip("- "))
    first_comment = " ".join(comment).strip()
    if re.match(r"\w.*\s.*\s.*\.", first_comment, re.DOTALL):
        return []
    return [f"{path}: begin it with a sentence in a comment: what changes, and why"]


def sizes(file: File) -> Iterator[tuple[str, int, int]]:
    """Name, number of lines and allowed number of lines of a file and of every function in it."""
    yield file.path, len(file.text.splitlines()), FILE_LINES_MAX

    def inside(node: ast.AST, names: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                name = ".".join([*names, child.name])
                yield f"{file.path}::{name}", _lines(child), FUNCTION_LINES_MAX
                yield from inside(child, (*names, child.name))
            elif isinstance(child, ast.ClassDef):
                yield from inside(child, (*names, child.name))
            else:
                yield from inside(child, names)

    yield from inside(file.tree, ())


def too_long(file: File) -> dict[str, str]:
    functions = file.nodes(ast.FunctionDef, ast.AsyncFunctionDef)
    # To go through a tree for the names of its functions takes long, and most files have none that is long.
    if file.text.count("\n") < FILE_LINES_MAX and not any(_lines(each) > FUNCTION_LINES_MAX for each in functions):
        return {}
    return {name: f"{name}: {lines} lines, at most {most}" for name, lines, most in sizes(file) if lines > most}


def _lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def put_off(path: str, text: str) -> list[str]:
    """Work that a comment leaves for later: do it, or write it where work is planned."""
    return [
        f"{path}:{number}: {found[0]}: finish it or say so where work is planned"
        for number, line in enumerate(text.splitlines(), 1)
        if (found := LATER.search(line))
    ]


def mocks_and_skips(file: File) -> list[str]:
    """Mocks of our own code and skipped tests: both make a passing suite prove less than it seems to."""
    found = {
        f"{file.path}:{line}: {name}: no mocks of our own code, and no skipped tests"
        for line, name in uses(file)
        if name.startswith((*(f"{each}." for each in MOCKS), *SKIPPING)) or name in MOCKS or MARKS.match(name)
    }
    for node in file.nodes(ast.Attribute):
        # To write a node out takes long: only those that end so are.
        if node.attr in {"setattr", "patch"} and ast.unparse(node) in {"monkeypatch.setattr", "mocker.patch"}:
            found.add(f"{file.path}:{node.lineno}: {ast.unparse(node)}: no mocks of our own code")
    return sorted(found)


def unexplained_silencing(file: File) -> list[str]:
    """Lines that silence a checker without giving the reason."""
    silenced = re.compile(
        r"#\s*(?:type:\s*ignore|noqa|pyright:\s*ignore)(?:\[[^\]]*\]|:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?(.*)"
    )
    found: list[str] = []
    if not silenced.search(file.text):
        return found  # to take a file apart takes long
    for token in tokenize.generate_tokens(io.StringIO(file.text).readline):
        silence = silenced.search(token.string) if token.type == tokenize.COMMENT else None
        if silence and len(silence[1].split()) < 3:
            found.append(f"{file.path}:{token.start[0]}: say on the line why the checker is wrong: {token.string}")
    return found


def machine_paths(path: str, text: str) -> list[tuple[str, str, int]]:
    """(path, text found, line) of every path that exists on one machine only."""
    return [
        (path, found[0], number)
        for number, line in enumerate(text.splitlines(), 1)
        for found in MACHINE_PATH.finditer(line)
    ]


def registries(path: str, text: str) -> list[str]:
    """Package registries that a file names. Whoever installs chooses the registry, not the repository."""
    return [
        f"{path}:{number}: {found[0]}: no package registry is named in the repository"
        for number, line in enumerate(text.splitlines(), 1)
        if (found := REGISTRY.search(line))
    ]


def code_paths() -> list[str]:
    return [path for path in tracked_paths() if path.split("/")[0] in FOLDERS]


@pytest.mark.slow
def test_every_file_is_valid_in_the_oldest_supported_python() -> None:
    # The other rules only check files that can be parsed.
    assert [
        violation for path, text in tracked_texts() if path.endswith(".py") for violation in unreadable(path, text)
    ] == []


def test_no_file_or_folder_has_an_empty_name() -> None:
    assert [violation for path in code_paths() for violation in empty_words(path)] == []


@pytest.mark.slow
def test_no_class_has_an_empty_name() -> None:
    assert [violation for file in python_files(*FOLDERS) for violation in empty_class_names(file)] == []


def test_payment_method_is_only_used_in_the_dialects() -> None:
    in_sql = [
        f"{path}: payment method in SQL; say channel or charge" for path, text in sql_files() if METHOD.search(text)
    ]
    assert [violation for file in python_files("gerbang") for violation in payment_methods(file)] + in_sql == []


def test_every_file_begins_with_a_docstring() -> None:
    assert [violation for file in python_files(*FOLDERS) for violation in missing_docstring(file)] == []


def test_every_migration_begins_with_a_sentence() -> None:
    assert [violation for path, text in sql_files() for violation in missing_sql_comment(path, text)] == []


def test_migrations_are_numbered_without_gaps() -> None:
    names = sorted(PurePosixPath(path).name for path, _ in sql_files() if "/migrations/" in path)
    assert names
    assert [name[:5] for name in names] == [f"{number:04d}_" for number in range(1, len(names) + 1)]


def test_functions_and_files_stay_short() -> None:
    long = {name: message for file in python_files(*FOLDERS) for name, message in too_long(file).items()}
    assert [message for name, message in long.items() if name not in MAY_BE_LONGER] == []


@pytest.mark.slow
def test_every_exception_to_length_is_still_needed_and_explained() -> None:
    long = {name for file in python_files(*FOLDERS) for name in too_long(file)}
    assert MAY_BE_LONGER.keys() - long == set()
    assert all(len(why.split()) >= 3 for why in MAY_BE_LONGER.values())


def test_no_comment_leaves_work_for_later() -> None:
    texts = [(path, text) for path, text in tracked_texts() if path.split("/")[0] in FOLDERS]
    assert [violation for path, text in texts for violation in put_off(path, text)] == []


@pytest.mark.slow
def test_no_test_mocks_our_code_or_is_skipped() -> None:
    assert [violation for file in python_files(*FOLDERS) for violation in mocks_and_skips(file)] == []


@pytest.mark.slow
def test_a_silenced_checker_is_explained_on_the_line() -> None:
    assert [violation for file in python_files(*FOLDERS) for violation in unexplained_silencing(file)] == []


def test_no_path_of_one_machine_is_in_the_repository() -> None:
    found = [place for path, text in tracked_texts() for place in machine_paths(path, text)]
    assert [place for place in found if place[:2] not in MACHINE_PATHS_ALLOWED] == []
    assert MACHINE_PATHS_ALLOWED.keys() - {place[:2] for place in found} == set()


def test_no_package_registry_is_named_in_the_repository() -> None:
    assert [violation for path, text in tracked_texts() for violation in registries(path, text)] == []


def test_syntax_of_a_newer_python_is_found() -> None:
    assert unreadable("gerbang/a.py", "type Node = int")
    assert unreadable("gerbang/a.py", "def (")
    assert unreadable("gerbang/a.py", "match 1:\n    case int(): ...") == []


@pytest.mark.parametrize(
    "path",
    [
        "gerbang/utils.py",
        "gerbang/core/money.py",
        "gerbang/api/_base.py",
        "tests/web_helpers.py",
        "gerbang/db/info/a.sql",
    ],
)
def test_an_empty_name_is_found(path: str) -> None:
    assert len(empty_words(path)) == 1
    assert empty_words("gerbang/database/scores.py") == []


@pytest.mark.parametrize("name", ["PaymentManager", "BaseChannel", "CallbackHandler", "Helpers"])
def test_an_empty_class_name_is_found(name: str) -> None:
    assert len(empty_class_names(parsed("gerbang/a.py", f"class {name}: ..."))) == 1
    assert empty_class_names(parsed("gerbang/a.py", "class Database: ...\nclass Information: ...")) == []


@pytest.mark.parametrize(
    "text",
    [
        "payment_method = 1",
        "def of(payment_method): ...",
        "class PaymentMethod: ...",
        "x.payment_methods",
        "f(paymentMethod=1)",
        "from a import payment_method_options",
    ],
)
def test_a_payment_method_below_the_dialects_is_found(text: str) -> None:
    assert payment_methods(parsed("gerbang/services/payments.py", text))
    assert payment_methods(parsed("gerbang/api/v2_sessions/payments.py", text)) == []


def test_a_payment_method_column_is_found() -> None:
    assert payment_methods(parsed("gerbang/db/payments.py", 'x = "SELECT payment_method FROM payments"'))


def test_a_file_without_a_docstring_is_found() -> None:
    assert missing_docstring(parsed("gerbang/a.py", "x = 1"))
    assert missing_docstring(parsed("gerbang/a.py", '""" """\nx = 1'))
    assert missing_docstring(parsed("gerbang/a.py", '"""What is in it."""\nx = 1')) == []
    assert missing_docstring(parsed("gerbang/__init__.py", "")) == []


def test_a_migration_without_a_sentence_is_found() -> None:
    for text in ("CREATE TABLE a ();", "-- payments\nCREATE TABLE a ();", "\n--\nCREATE TABLE a ();", ""):
        assert missing_sql_comment("0002_a.sql", text), text
    assert missing_sql_comment("0002_a.sql", "-- A charge remembers\n-- which bank carried it.\nALTER TABLE a;") == []


def test_a_long_function_and_a_long_file_are_found() -> None:
    body = "\n".join(f"        x{number} = 1" for number in range(FUNCTION_LINES_MAX))
    long_function = parsed("gerbang/a.py", f"class A:\n    async def go(self):\n{body}\n")
    assert list(too_long(long_function)) == ["gerbang/a.py::A.go"]
    fits = parsed("gerbang/a.py", f"class A:\n    async def go(self):\n{body.removesuffix(body.splitlines()[-1])}")
    assert too_long(fits) == {}
    assert list(too_long(parsed("gerbang/a.py", "x = 1\n" * (FILE_LINES_MAX + 1)))) == ["gerbang/a.py"]
    assert too_long(parsed("gerbang/a.py", "x = 1\n" * FILE_LINES_MAX)) == {}


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME"])
def test_work_left_for_later_is_found(word: str) -> None:
    assert put_off("gerbang/a.py", f"x = 1\n# {word}: later") == [
        f"gerbang/a.py:2: {word}: finish it or say so where work is planned"
    ]
    assert put_off("gerbang/a.py", "todos = 1") == []


@pytest.mark.parametrize(
    "text",
    [
        "from unittest import mock",
        "from unittest.mock import patch",
        "import unittest.mock",
        "import mock",
        "def test_a(monkeypatch):\n    monkeypatch.setattr('a.b', 1)",
        "def test_a(mocker):\n    mocker.patch('a.b')",
        "import pytest\npytest.skip('later')",
        "import pytest\n@pytest.mark.skip\ndef test_a(): ...",
        "import pytest\n@pytest.mark.skipif(True, reason='x')\ndef test_a(): ...",
        "import pytest\n@pytest.mark.xfail\ndef test_a(): ...",
        "from pytest import importorskip",
    ],
)
def test_a_mock_or_a_skipped_test_is_found(text: str) -> None:
    assert mocks_and_skips(parsed("tests/test_a.py", text))


def test_other_uses_of_pytest_are_allowed() -> None:
    text = (
        "import pytest\n@pytest.mark.parametrize('a', [1])\ndef test_a(monkeypatch):\n    monkeypatch.setenv('A', '1')"
    )
    assert mocks_and_skips(parsed("tests/test_a.py", text)) == []


def test_a_silenced_checker_without_a_reason_is_found() -> None:
    for comment in ("# type: ignore", "# noqa", "# noqa: E501", "# pyright: ignore[reportPrivateUsage]"):
        assert unexplained_silencing(parsed("gerbang/a.py", f"x = 1  {comment}")), comment
        assert unexplained_silencing(parsed("gerbang/a.py", f"x = 1  {comment} the stubs are wrong here")) == []


@pytest.mark.parametrize(
    "path", ["home/ana/gerbang", "root/.cache", "work/main", "tmp/data", "Users/ana", "var/lib/pg"]
)
def test_a_path_of_one_machine_is_found(path: str) -> None:
    for text in (f'x = "/{path}"', f"see /{path}", f"`/{path}`"):
        assert machine_paths("docs/a.md", text), text


@pytest.mark.parametrize(
    "text", ["https://shop.test/home/a", "gerbang/workers/a.py", "/v2/payments", "./tmp/x", "$HOME/tmp"]
)
def test_other_text_with_slashes_is_allowed(text: str) -> None:
    assert machine_paths("docs/a.md", text) == []


@pytest.mark.parametrize(
    "text",
    ["https://pypi." + "org/simple", "--index-" + "url=x", "files.python" + "hosted.org", "registry." + "npmjs.org"],
)
def test_a_package_registry_is_found(text: str) -> None:
    assert registries("Makefile", "--no-emit-index-" + "url") == []
    assert registries("requirements.lock", text)
    assert registries("requirements.lock", "asyncpg==0.30.0 --hash=sha256:00") == []
