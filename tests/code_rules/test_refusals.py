"""Refusals: each says in a sentence what is wrong, all stand in one tree, and every dialect has an answer to each."""

import ast
import importlib
import re
from collections.abc import Mapping
from types import ModuleType
from typing import cast

from .source import File, parsed, python_files
from .test_floors import dialects

ERRORS = "gerbang/errors.py"


def refusals(errors: ModuleType) -> list[type[Exception]]:
    """Every kind of refusal, branches and leaves, as errors.py draws them."""

    def below(kind: type[Exception]) -> list[type[Exception]]:
        return [each for child in kind.__subclasses__() for each in (child, *below(child))]

    return [kind for kind in dict.fromkeys(below(errors.Refused)) if kind.__module__ == errors.__name__]


def is_leaf(kind: type[Exception]) -> bool:
    return not [child for child in kind.__subclasses__() if child.__module__ == kind.__module__]


def unspoken(kinds: list[type[Exception]]) -> list[str]:
    """Leaves whose own docstring is not a sentence. It is the message that people read, so it ends with a full stop."""
    found: list[str] = []
    for kind in filter(is_leaf, kinds):
        said = " ".join((kind.__dict__.get("__doc__") or "").split())
        if not re.fullmatch(r"(?:[A-Z{]).*\s.*\s.*[.}]", said):
            found.append(f"{ERRORS}: {kind.__name__} needs a sentence as docstring, it has {said!r}")
    return found


def undrawn(kinds: list[type[Exception]], drawing: str) -> list[str]:
    names = set(re.findall(r"\w+", drawing))
    absent = [kind.__name__ for kind in kinds if kind.__name__ not in names]
    return [f"{ERRORS}: {name} is missing in the tree at the top" for name in absent]


def raised_names(files: tuple[File, ...]) -> set[str]:
    """The names of everything that is constructed anywhere: a branch that is raised itself needs an answer too."""
    calls = (node.func for file in files for node in ast.walk(file.tree) if isinstance(node, ast.Call))
    return {
        func.attr if isinstance(func, ast.Attribute) else func.id
        for func in calls
        if isinstance(func, ast.Attribute | ast.Name)
    }


def unanswered(
    dialect: str, answers: Mapping[type[Exception], object], kinds: list[type[Exception]], raised: set[str]
) -> list[str]:
    """Refusals that a dialect could meet and has no words for, and answers to what nobody can refuse."""
    needed = {kind for kind in kinds if is_leaf(kind) or kind.__name__ in raised}
    missing = sorted(kind.__name__ for kind in needed - answers.keys())
    foreign = sorted(kind.__name__ for kind in answers.keys() - set(kinds) if kind.__name__ != "Refused")
    return [f"{dialect}: no answer to {name}" for name in missing] + [
        f"{dialect}: answers {name}, which is no refusal" for name in foreign
    ]


def strays(file: File, names: set[str]) -> list[str]:
    """Refusals that are defined anywhere but in errors.py, where nobody would look for them."""
    if file.path == ERRORS:
        return []
    found: list[str] = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ClassDef):
            bases = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases}
            if bases & names:
                found.append(f"{file.path}:{node.lineno}: {node.name} is a refusal and belongs into {ERRORS}")
    return found


def gerbang_refusals() -> list[type[Exception]]:
    kinds = refusals(importlib.import_module("gerbang.errors"))
    assert kinds, f"{ERRORS} names nothing that can be refused"
    return kinds


def test_every_refusal_says_in_a_sentence_what_is_wrong() -> None:
    assert unspoken(gerbang_refusals()) == []


def test_every_refusal_is_in_the_tree_at_the_top() -> None:
    drawing = importlib.import_module("gerbang.errors").__doc__ or ""
    assert undrawn(gerbang_refusals(), drawing) == []


def test_refusals_are_defined_in_one_file() -> None:
    names = {kind.__name__ for kind in gerbang_refusals()} | {"Refused"}
    assert [breach for file in python_files("gerbang") for breach in strays(file, names)] == []


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
            found.append(f"{name}: errors.py needs ANSWERS, a mapping of each refusal to how it is told")
            continue
        found += unanswered(name, cast("Mapping[type[Exception], object]", answers), kinds, raised)
    assert found == []


class Root(Exception):
    """The root of a small tree to try the rules on."""


class Branch(Root):
    """{why}"""


class Leaf(Branch):
    """The amount is below the limit."""


class Mute(Root):
    __doc__ = None


class Mumbling(Root):
    """amount"""


SMALL_TREE: list[type[Exception]] = [Branch, Leaf, Mute, Mumbling]


def test_a_refusal_without_a_sentence_is_seen() -> None:
    assert [said.split()[1] for said in unspoken(SMALL_TREE)] == ["Mute", "Mumbling"]


def test_a_refusal_missing_in_the_tree_is_seen() -> None:
    drawing = "Root\n├── Branch\n│   └── Leaf\n└── Mumbling"
    assert [said.split()[1] for said in undrawn(SMALL_TREE, drawing)] == ["Mute"]


def test_a_missing_answer_is_seen() -> None:
    complete: dict[type[Exception], object] = {Leaf: 400, Mute: 400, Mumbling: 400}
    assert unanswered("v9", complete, SMALL_TREE, raised=set()) == []
    assert unanswered("v9", {Leaf: 400, Mute: 400}, SMALL_TREE, raised=set()) == ["v9: no answer to Mumbling"]
    assert unanswered("v9", complete, SMALL_TREE, raised={"Branch"}) == ["v9: no answer to Branch"]
    assert unanswered("v9", {**complete, KeyError: 1}, SMALL_TREE, raised=set()) == [
        "v9: answers KeyError, which is no refusal"
    ]
    assert len(unanswered("v9", {}, SMALL_TREE, raised=set())) == 3


def test_a_refusal_defined_elsewhere_is_seen() -> None:
    text = "from gerbang import errors\nclass TooLate(errors.Invalid): ...\nclass Plain: ..."
    assert len(strays(parsed("gerbang/services/payments.py", text), {"Invalid"})) == 1
    assert strays(parsed(ERRORS, text), {"Invalid"}) == []
    assert raised_names((parsed("a.py", "raise errors.Invalid('x')\nLeaf()"),)) == {"Invalid", "Leaf"}
