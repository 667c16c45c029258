"""Reads an OpenAPI 3.1 document into what a docs page prints: operations, parameters, bodies, answers, schemas.

There is no HTML here; page.html prints these values.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

Node: TypeAlias = Mapping[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
BOUNDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matches {}",
    "format": "{}",
}


PLAIN = {
    ("minLength", 1): "not empty",
    ("minItems", 1): "not empty",
    ("pattern", r"^[^\x00-\x1f\x7f-\x9f]+$"): "no control characters",
    ("pattern", r"^[^\x00-\x1f\x7f-\x9f]*$"): "no control characters",
    ("pattern", "Z$"): "ends in Z",
}


@dataclass(frozen=True)
class TypePart:
    """A part of a type's name; `anchor` is that of the schema it names, "" where it names none."""

    text: str
    anchor: str = ""


@dataclass(frozen=True)
class Row:
    """One field or parameter. `rows` are the fields of an object described in place, not under a schema's name."""

    name: str
    type: Sequence[TypePart]
    required: bool
    description: str
    rules: Sequence[str]
    values: Sequence[str] = ()
    place: str = ""
    rows: Sequence["Row"] = ()


@dataclass(frozen=True)
class Example:
    """An example: its title, its text (JSON, or plain where the body is not JSON) and the curl line that sends it."""

    title: str
    text: str
    curl: str = ""


@dataclass(frozen=True)
class Answer:
    """One HTTP status of an operation."""

    status: str
    description: str
    media_type: str
    type: Sequence[TypePart]
    headers: Sequence[Row]
    examples: Sequence[Example]


@dataclass(frozen=True)
class Operation:
    """One method of one path, or a callback that the gateway sends (`incoming` is then false)."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    incoming: bool
    access: Sequence[str]
    parameters: Sequence[Row]
    body_type: Sequence[TypePart]
    body_required: bool
    body: Sequence[Row]
    examples: Sequence[Example]
    answers: Sequence[Answer]


@dataclass(frozen=True)
class Section:
    """The operations of one tag."""

    name: str
    description: str
    operations: list[Operation] = field(default_factory=list[Operation])


@dataclass(frozen=True)
class Schema:
    """A named schema."""

    name: str
    anchor: str
    type: Sequence[TypePart]
    description: str
    rules: Sequence[str]
    values: Sequence[str]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Contents:
    """The contents of a page."""

    title: str
    version: str
    summary: str
    description: str
    access: Sequence[Row]
    sections: Sequence[Section]
    schemas: Sequence[Schema]


def read(openapi: Node, base_url: str) -> Contents:
    """Reads a parsed document; the curl lines begin with `base_url`. Raises KeyError for a `$ref` to nothing."""
    return _Reader(openapi, base_url.rstrip("/")).contents()


def find(openapi: Node, pointer: str) -> Any:
    """The node that a local `$ref` such as `#/components/schemas/Amount` points to. KeyError if there is none."""
    found: Any = openapi
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


class _Reader:
    """Reads one document. It keeps the document, since every `$ref` is looked up in it."""

    def __init__(self, openapi: Node, base_url: str) -> None:
        self.openapi = openapi
        self.base_url = base_url
        self.components: Node = openapi.get("components", {})

    def contents(self) -> Contents:
        info: Node = self.openapi["info"]
        sections = {
            tag["name"]: Section(tag["name"], tag.get("description", "")) for tag in self.openapi.get("tags", ())
        }
        for tag, operation in self._operations():
            sections.setdefault(tag, Section(tag, "")).operations.append(operation)
        return Contents(
            title=info["title"],
            version=info["version"],
            summary=info.get("summary", ""),
            description=info.get("description", ""),
            access=[self._scheme(name, scheme) for name, scheme in self.components.get("securitySchemes", {}).items()],
            sections=[section for section in sections.values() if section.operations],
            schemas=[self._schema(name, schema) for name, schema in self.components.get("schemas", {}).items()],
        )

    # ---- operations -------------------------------------------------------------------------------------------------

    def _operations(self) -> Iterator[tuple[str, Operation]]:
        for incoming, place in ((True, "paths"), (False, "webhooks")):
            for path, item in self.openapi.get(place, {}).items():
                for method in item:
                    if method in METHODS:
                        operation: Node = item[method]
                        shared: Sequence[Node] = item.get("parameters", ())
                        tag = operation.get("tags", ["Other"])[0]
                        yield tag, self._operation(method, path, operation, shared, incoming)

    def _operation(self, method: str, path: str, node: Node, shared: Sequence[Node], incoming: bool) -> Operation:
        parameters = [self._resolved(parameter) for parameter in (*shared, *node.get("parameters", ()))]
        body: Node = self._resolved(node.get("requestBody", {}))
        schema = self._json_schema(body)
        examples = self._examples(body)
        if incoming:
            bodies = examples or [Example("", "")]
            examples = [
                Example(each.title, each.text, self._curl(method, path, node, parameters, each.text)) for each in bodies
            ]
        return Operation(
            anchor=node["operationId"],
            method=method.upper(),
            path=path,
            summary=node.get("summary", ""),
            description=node.get("description", ""),
            incoming=incoming,
            access=[" + ".join(option) for option in self._security(node)] if incoming else [],
            parameters=[self._parameter(parameter) for parameter in parameters],
            body_type=self._type(schema),
            body_required=bool(body.get("required", False)),
            body=self._rows(self._resolved(schema)),
            examples=examples,
            answers=[self._answer(status, answer) for status, answer in node.get("responses", {}).items()],
        )

    def _security(self, operation: Node) -> list[list[str]]:
        options: Sequence[Node] = operation.get("security", self.openapi.get("security", ()))
        return [list(option) for option in options if option]

    def _parameter(self, node: Node) -> Row:
        schema: Node = node.get("schema", {})
        return self._row(node["name"], schema, node.get("required", False), node.get("description", ""), node["in"])

    def _scheme(self, name: str, node: Node) -> Row:
        kind = {"http": f"Authorization: {str(node.get('scheme', '')).capitalize()} …"}
        return Row(
            name,
            [TypePart(kind.get(node["type"], f"{node.get('name', '')}: …"))],
            False,
            node.get("description", ""),
            (),
        )

    def _answer(self, status: str, node: Node) -> Answer:
        answer = self._resolved(node)
        content: Node = answer.get("content", {})
        headers: Node = answer.get("headers", {})
        return Answer(
            status=status,
            description=answer.get("description", ""),
            media_type=next(iter(content), ""),
            type=self._type(self._json_schema(answer)),
            headers=[self._parameter({"name": name, "in": "header", **header}) for name, header in headers.items()],
            examples=self._examples(answer),
        )

    def _json_schema(self, holder: Node) -> Node:
        content: Mapping[str, Node] = holder.get("content", {})
        schemas: list[Node] = [media["schema"] for media in content.values() if "schema" in media]
        return schemas[0] if schemas else {}

    def _examples(self, holder: Node) -> list[Example]:
        content: Mapping[str, Node] = holder.get("content", {})
        found: list[Example] = []
        for media_type, media in content.items():
            for name, node in media.get("examples", {}).items():
                example = self._resolved(node)
                value: Any = example["value"]
                text = json.dumps(value, indent=2, ensure_ascii=False) if "json" in media_type else str(value)
                found.append(Example(example.get("summary", name), text))
        return found

    def _curl(self, method: str, path: str, node: Node, parameters: Sequence[Node], body: str) -> str:
        query: list[str] = []
        for parameter in parameters:
            example = str(parameter.get("example", ""))
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", example)
            elif parameter["in"] == "query" and parameter.get("required", False):
                query.append(f"{parameter['name']}={example}")
        address = self.base_url + path + ("?" + "&".join(query) if query else "")
        lines = ["curl" + ("" if method == "get" else f" -X {method.upper()}") + f" '{address}'"]
        options = self._security(node)
        schemes: Mapping[str, Node] = self.components.get("securitySchemes", {})
        lines += [self._credential(schemes[name]) for name in (options[0] if options else ())]
        if body:
            lines.append("-H 'Content-Type: application/json'")
            lines.append("-d '" + body.replace("'", "'\\''") + "'")
        return " \\\n  ".join(lines)

    def _credential(self, scheme: Node) -> str:
        """The curl option for a security scheme; `x-shell` names the shell variables that README's commands set."""
        secrets = scheme["x-shell"]
        if scheme["type"] == "apiKey":
            return f'-H "{scheme["name"]}: {secrets}"'
        return f'-H "Authorization: Bearer {secrets}"' if scheme["scheme"] == "bearer" else f'-u "{secrets}"'

    # ---- schemas ----------------------------------------------------------------------------------------------------

    def _schema(self, name: str, node: Node) -> Schema:
        plain = {key: value for key, value in node.items() if key != "$ref"}
        type_, description = self._type(plain), node.get("description", "")
        return Schema(name, f"schema-{name}", type_, description, _rules(node), _values(node), self._rows(node))

    def _rows(self, node: Node) -> list[Row]:
        """The fields of an object, of the items of a list, or of every alternative of an anyOf or oneOf."""
        node = self._resolved(node)
        if "properties" not in node:
            inner: list[Node] = [node["items"]] if "items" in node else []
            inner += [each for key in ("anyOf", "oneOf") for each in node.get(key, ()) if "$ref" not in each]
            return [row for each in inner if "$ref" not in each for row in self._rows(each)]
        required: Sequence[str] = node.get("required", ())
        properties: Mapping[str, Node] = node["properties"]
        return [
            self._row(name, child, name in required, child.get("description", "")) for name, child in properties.items()
        ]

    def _row(self, name: str, schema: Node, required: bool, description: str, place: str = "") -> Row:
        rows = [] if self._refers(schema) else self._rows(schema)
        return Row(name, self._type(schema), required, description, _rules(schema), _values(schema), place, rows)

    def _refers(self, schema: Node) -> bool:
        """True if the schema, its items or an alternative is a `$ref`: it is then described under its own name."""
        nodes: list[Node] = [schema, schema.get("items", {}), *schema.get("anyOf", ())]
        nodes += [each.get("items", {}) for each in schema.get("anyOf", ())]
        return any("$ref" in node for node in nodes)

    def _type(self, schema: Node) -> list[TypePart]:
        """The name of a type: `string or null`, `list of PaymentCharge`."""
        if "$ref" in schema:
            name = str(schema["$ref"]).rsplit("/", 1)[-1]
            return [TypePart(name, f"schema-{name}")]
        for key in ("anyOf", "oneOf"):
            if key in schema and "properties" not in schema:
                return _joined([self._type(each) for each in schema[key]])
        kinds = schema.get("type", _kind(schema))
        kinds = cast(list[str], kinds if isinstance(kinds, list) else [kinds])
        return _joined([self._kind_parts(kind, schema) for kind in kinds if kind])

    def _kind_parts(self, kind: str, schema: Node) -> list[TypePart]:
        if kind == "array":
            return [TypePart("list of "), *self._type(schema.get("items", {}))]
        return [TypePart(kind)]

    def _resolved(self, node: Node) -> Node:
        while "$ref" in node:
            beside = {key: value for key, value in node.items() if key != "$ref"}
            node = {**find(self.openapi, node["$ref"]), **beside}
        return node


def _joined(alternatives: Sequence[Sequence[TypePart]]) -> list[TypePart]:
    parts: list[TypePart] = []
    for alternative in alternatives:
        if alternative and not all(part in parts for part in alternative):
            parts += [TypePart(" or "), *alternative] if parts else alternative
    return parts


def _kind(schema: Node) -> str:
    """The JSON type of a schema that has an enum or a const and no type; "" if it is unknown."""
    values: Sequence[object] = schema.get("enum", [schema["const"]] if "const" in schema else [])
    names: dict[type[object], str] = {str: "string", bool: "boolean", int: "integer"}
    return names.get(type(values[0]), "") if values else ""


def _values(schema: Node) -> list[str]:
    """The values that a schema or one of its alternatives allows, without null."""
    inner = [value for each in schema.get("anyOf", ()) for value in each.get("enum", ())]
    values = schema.get("enum", [schema["const"]] if "const" in schema else inner)
    return [json.dumps(value) if not isinstance(value, str) else value for value in values if value is not None]


def _rules(schema: Node) -> list[str]:
    rules = [PLAIN.get((key, schema[key]), text.format(schema[key])) for key, text in BOUNDS.items() if key in schema]
    if "default" in schema:
        rules.append(f"default {json.dumps(schema['default'])}")
    return rules
