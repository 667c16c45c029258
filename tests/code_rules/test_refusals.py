"""Refusals (gerbang/errors.py): each has a message that is a sentence, all are in one tree, every dialect answers each."""

import ast
import importlib
import re
from collections.abc import Mapping
from types import ModuleType
from typing import cast

from .source import File, parsed, python_files
from .test_layers import dialects

ERRORS = "gerbang/errors.py"


def refusals(errors: ModuleType) -> list[type[Exception]]:
    """Every subclass of Refused in errors.py, in the order of the tree."""

    def below(kind: type[Exception]) -> list[type[Exception]]:
        return [each for child in kind.__subclasses__() for each in (child, *below(child))]

    return [kind for kind in dict.fromkeys(below(errors.Refused)) if kind.__module__ == errors.__name__]


def is_leaf(kind: type[Exception]) -> bool:
    return not [child for child in kind.__subclasses__() if child.__module__ == kind.__module__]


def without_sentence(kinds: list[type[Exception]]) -> list[str]:
    """Leaves whose own docstring is not a sentence with a full stop. The docstring is the message that people read."""
    found: list[str] = []
    for kind in filter(is_leaf, kinds):
        message = " ".join((kind.__dict__.get("__doc__") or "").split())
        if not re.fullmatch(r"(?:[A-Z{]).*\s.*\s.*[.}]", message):
            found.append(f"{ERRORS}: {kind.__name__} needs a sentence as docstring, it has {message!r}")
    return found


def missing_in_tree(kinds: list[type[Exception]], tree: str) -> list[str]:
    names = set(re.findall(r"\w+", tree))
    absent = [kind.__name__ for kind in kinds if kind.__name__ not in names]
    return [f"{ERRORS}: {name} is missing in the tree at the top" for name in absent]


def raised_names(files: tuple[File, ...]) -> set[str]:
    """The names of everything that is called anywhere: a branch that is raised itself needs an answer too."""
    calls = (node.func for file in files for node in file.nodes(ast.Call))
    return {
        func.attr if isinstance(func, ast.Attribute) else func.id
        for func in calls
        if isinstance(func, ast.Attribute | ast.Name)
    }


def unanswered(
    dialect: str, answers: Mapping[type[Exception], object], kinds: list[type[Exception]], raised: set[str]
) -> list[str]:
    """Refusals to which a dialect has no answer, and its answers to what is not a refusal."""
    needed = {kind for kind in kinds if is_leaf(kind) or kind.__name__ in raised}
    missing = sorted(kind.__name__ for kind in needed - answers.keys())
    foreign = sorted(kind.__name__ for kind in answers.keys() - set(kinds) if kind.__name__ != "Refused")
    return [f"{dialect}: no answer to {name}" for name in missing] + [
        f"{dialect}: answers {name}, which is not a refusal" for name in foreign
    ]


def strays(file: File, names: set[str]) -> list[str]:
    """Refusals that are defined outside errors.py."""
    if file.path == ERRORS:
        return []
    found: list[str] = []
    for node in file.nodes(ast.ClassDef):
        bases = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases}
        if bases & names:
            found.append(f"{file.path}:{node.lineno}: {node.name} is a refusal and belongs in {ERRORS}")
    return found


def gerbang_refusals() -> list[type[Exception]]:
    kinds = refusals(importlib.import_module("gerbang.errors"))
    assert kinds, f"{ERRORS} defines no refusal"
    return kinds


def test_the_message_of_every_refusal_is_a_sentence() -> None:
    assert without_sentence(gerbang_refusals()) == []


def test_every_refusal_is_in_the_tree_at_the_top_of_the_file() -> None:
    tree = importlib.import_module("gerbang.errors").__doc__ or ""
    assert missing_in_tree(gerbang_refusals(), tree) == []


def test_refusals_are_defined_in_one_file() -> None:
    names = {kind.__name__ for kind in gerbang_refusals()} | {"Refused"}
    assert [violation for file in python_files("gerbang") for violation in strays(file, names)] == []


def test_every_dialect_answers_every_refusal() -> None:
    names = dialects()
    assert names, "there is no dialect in gerbang/api"
    kinds, raised = gerbang_refusals(), raised_names(python_files("gerbang"))
    found: list[str] = []
    for name in sorted(names):
        if f"gerbang/api/{name}/errors.py" not in {file.path for file in python_files("gerbang")}:
            found.append(f"{name}: has no errors.py that answers refusals")
            continue
        answers: object = getattr(importlib.import_module(f"gerbang.api.{name}.errors"), "ANSWERS", None)
        if not isinstance(answers, Mapping):
            found.append(f"{name}: errors.py needs ANSWERS, a mapping from each refusal to its answer")
            continue
        found += unanswered(name, cast("Mapping[type[Exception], object]", answers), kinds, raised)
    assert found == []


class Root(Exception):
    """The root of a small tree to test the rules with."""


class Branch(Root):
    """{why}"""


class Leaf(Branch):
    """The amount is below the limit."""


class NoMessage(Root):
    __doc__ = None


class OneWord(Root):
    """amount"""


SMALL_TREE: list[type[Exception]] = [Branch, Leaf, NoMessage, OneWord]


def test_a_refusal_without_a_sentence_is_found() -> None:
    assert [message.split()[1] for message in without_sentence(SMALL_TREE)] == ["NoMessage", "OneWord"]


def test_a_refusal_missing_in_the_tree_is_found() -> None:
    tree = "Root\n├── Branch\n│   └── Leaf\n└── OneWord"
    assert [message.split()[1] for message in missing_in_tree(SMALL_TREE, tree)] == ["NoMessage"]


def test_a_missing_answer_is_found() -> None:
    complete: dict[type[Exception], object] = {Leaf: 400, NoMessage: 400, OneWord: 400}
    assert unanswered("v9", complete, SMALL_TREE, raised=set()) == []
    assert unanswered("v9", {Leaf: 400, NoMessage: 400}, SMALL_TREE, raised=set()) == ["v9: no answer to OneWord"]
    assert unanswered("v9", complete, SMALL_TREE, raised={"Branch"}) == ["v9: no answer to Branch"]
    assert unanswered("v9", {**complete, KeyError: 1}, SMALL_TREE, raised=set()) == [
        "v9: answers KeyError, which is not a refusal"
    ]
    assert len(unanswered("v9", {}, SMALL_TREE, raised=set())) == 3


def test_a_refusal_defined_elsewhere_is_found() -> None:
    text = "from gerbang import errors\nclass TooLate(errors.Invalid): ...\nclass Plain: ..."
    assert len(strays(parsed("gerbang/services/payments.py", text), {"Invalid"})) == 1
    assert strays(parsed(ERRORS, text), {"Invalid"}) == []
    assert raised_names((parsed("a.py", "raise errors.Invalid('x')\nLeaf()"),)) == {"Invalid", "Leaf"}
