"""Read a mapping file and hold it against the schema and the models, so that a run cannot fail half-way on it."""

from __future__ import annotations

import json
import zoneinfo
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import jsonschema
import polars as pl

from etl.convert import CONVERTERS
from etl.entities import DERIVED, Entity, entities
from etl.mapping import (
    EACH,
    TESTS,
    Condition,
    EntityMapping,
    Field,
    FileMapping,
    ForEach,
    ImportMapping,
    Join,
    MinusMonths,
    Scalar,
    Test,
    Value,
)
from etl.mapping_yaml import MappingLoader
from tarazu.errors import MappingError
from tarazu.yaml_file import YamlFile, read_yaml

Place: TypeAlias = tuple[str | int, ...]

FOLDER: Final = Path(__file__).parent / "mappings"
SCHEMA_FILE: Final = FOLDER / "mapping.schema.json"
_MONTHS_LIMIT: Final = 120
_MAX_MESSAGES: Final = 5

# What each converter makes.
_MAKES: Final[Mapping[str, tuple[type[pl.DataType], ...]]] = {
    "integer": (pl.Int16, pl.Int32, pl.Int64),
    "rial": (pl.Int64,),
    "toman": (pl.Int64,),
    "number": (pl.Float64,),
    "date": (pl.Date,),
    "datetime": (pl.Datetime,),
    "boolean": (pl.Boolean,),
}
_DEFAULT_CONVERTERS: Final[Mapping[type[pl.DataType], str]] = {
    pl.Int16: "integer",
    pl.Int32: "integer",
    pl.Int64: "integer",
    pl.Float64: "number",
    pl.Date: "date",
    pl.Datetime: "datetime",
    pl.Boolean: "boolean",
    pl.String: "text",
}


def shipped_mappings() -> list[str]:
    """Names of the mappings that come with Tarazu."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_mapping(name_or_path: str | Path) -> ImportMapping:
    """A shipped mapping by name, or any by the path of its file.

    Raises MappingError, which names the file, the line and the mend.
    """
    path = _find(str(name_or_path))
    document = read_yaml(path, MappingError, loader=MappingLoader)
    _hold_against_schema(document)
    return _Reader(document).mapping()


def _find(name_or_path: str) -> Path:
    if name_or_path in shipped_mappings():
        return FOLDER / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"} and path.is_file():
        return path
    known = ", ".join(shipped_mappings())
    if path.suffix in {".yaml", ".yml"} or "/" in name_or_path:
        raise MappingError(f"There is no mapping file {name_or_path}.", mend=f"Shipped mappings are {known}.")
    raise MappingError(
        f"There is no mapping {name_or_path!r}.",
        mend=f"Name one of {known}, or give the path of a YAML file of your own.",
    )


@cache
def _validator() -> Any:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _hold_against_schema(document: YamlFile) -> None:
    found = [jsonschema.exceptions.best_match([error]) for error in _validator().iter_errors(document.data)]
    messages = sorted((document.line(error.absolute_path), _told(document, error)) for error in found)
    if messages:
        raise MappingError("\n".join(text for _, text in messages[:_MAX_MESSAGES]))


def _told(document: YamlFile, error: Any) -> str:
    place = document.place(tuple(error.absolute_path))
    if error.validator == "additionalProperties" and "properties" in error.schema:
        return f"{place}: {error.message}. Known here: {', '.join(error.schema['properties'])}."
    if error.validator == "oneOf":
        return f"{place}: give exactly one of column, const, key and sum."
    if error.validator == "type" and error.validator_value == "object" and "fields" in error.absolute_path:
        return f"{place}: {error.message}. Write {{column: {error.instance}}}."
    return f"{place}: {error.message}."


class _Reader:
    """Builds the values of a document that fits the schema, and checks what a schema cannot know."""

    def __init__(self, document: YamlFile) -> None:
        self._document = document
        content = document.data
        self._calendar = content.get("calendar", "jalali")
        self._timezone = content.get("timezone", "Asia/Tehran")
        self._null_values = frozenset(content.get("null_values", ())) - {""}

    def mapping(self) -> ImportMapping:
        content = self._document.data
        if self._timezone not in zoneinfo.available_timezones():
            raise self._error(("timezone",), f"there is no time zone {self._timezone!r}")
        files: list[FileMapping] = []
        for index, file in enumerate(content["files"]):
            files.append(self._file(file, ("files", index), files))
        return ImportMapping(content["mapping"], self._document.path, content.get("title", {}), tuple(files))

    def _error(self, place: Place, message: str, mend: str | None = None) -> MappingError:
        return MappingError(f"{self._document.place(place)}: {message}.", mend=mend)

    def _file(self, file: dict[str, Any], place: Place, earlier: list[FileMapping]) -> FileMapping:
        names = [other.name for other in earlier]
        if file["name"] in names:
            raise self._error((*place, "name"), f"a second file is called {file['name']!r}")
        if ("query" in file) != (file.get("format") == "query"):
            raise self._error(place, "`query` and `format: query` go together")
        if "match" not in file and "query" not in file:
            raise self._error(
                place, f"the file {file['name']!r} lacks `match`", "Say which file names are meant."
            )
        join = None
        if "join" in file:
            join = Join(file["join"]["file"], file["join"]["on"])
            if join.file not in names:
                raise self._error((*place, "join"), f"{join.file!r} is no earlier file of this mapping")
        return FileMapping(
            name=file["name"],
            match=tuple(file.get("match", ())),
            format=file.get("format"),
            encoding=file.get("encoding", "utf-8"),
            delimiter=file.get("delimiter", ","),
            sheet=file.get("sheet"),
            query=file.get("query"),
            join=join,
            entities=tuple(
                self._entity(entity, (*place, "entities", index))
                for index, entity in enumerate(file["entities"])
            ),
            line=self._document.line(place),
        )

    def _entity(self, content: dict[str, Any], place: Place) -> EntityMapping:
        entity = entities().get(content["entity"])
        if entity is None:
            raise self._error(
                (*place, "entity"),
                f"there is no entity {content['entity']!r}",
                f"Known: {', '.join(entities())}.",
            )
        for_each = None
        fields: dict[str, Field] = {}
        if "for_each" in content:
            (field, columns), *_ = content["for_each"].items()
            for_each = ForEach(field, tuple(columns.items()))
            self._require_field(entity, field, (*place, "for_each", field))
            # The value of the listed column: a constant that the extractor fills in.
            value = Value(const=EACH, convert="identifier")
            fields[field] = Field(value, {}, self._document.line((*place, "for_each")), required=True)
        for name, field in content["fields"].items():
            here = (*place, "fields", name)
            self._require_field(entity, name, here)
            fields[name] = self._field(entity, name, field, here, in_each=for_each is not None)
        for name in entity.columns:
            if name not in fields and entity.needs(name):
                fields[name] = self._default(entity, name, place)
        when = self._condition(content["when"]) if "when" in content else None
        return EntityMapping(entity.name, fields, when, for_each, self._document.line(place))

    def _require_field(self, entity: Entity, name: str, place: Place) -> None:
        if (entity.name, name) in DERIVED:
            source = DERIVED[entity.name, name]
            raise self._error(place, f"{name} is made from {source} by the importer", f"Map {source}.")
        if name not in entity.columns:
            raise self._error(
                place, f"{entity.name} has no field {name!r}", f"Its fields are {', '.join(entity.columns)}."
            )

    def _default(self, entity: Entity, name: str, place: Place) -> Field:
        """A required field that the mapping leaves to the database; as a key it must be known before."""
        default = entity.default(name)
        if default is None:
            raise self._error(
                place, f"{entity.name} needs the field {name}", "Map it to a column or a constant."
            )
        value = Value(const=default, convert=self._converter(entity, name, None, place))
        return Field(value, {}, self._document.line(place), required=True)

    def _condition(self, content: dict[str, Any]) -> Condition:
        # The schema allows just one test beside the column.
        test: Test = next(known for known in TESTS if known in content)
        operand = content[test]
        operands: tuple[Scalar, ...] = tuple(operand) if isinstance(operand, list) else (operand,)
        return Condition(content["column"], test, operands, self._null_values)

    def _field(
        self, entity: Entity, name: str, content: dict[str, Any], place: Place, *, in_each: bool
    ) -> Field:
        parent = entity.parents.get(name)
        is_value = not content.keys().isdisjoint({"column", "const", "key", "sum"})
        line = self._document.line(place)
        required = (
            entity.needs(name) or bool(content.get("required", False)) if is_value else entity.needs(name)
        )
        if parent is None and not is_value:
            raise self._error(place, f"{name} is no parent, it takes a value", "Write {column: …}.")
        if parent is not None and not is_value:
            wanted = set(parent.key_fields)
            if content.keys() != wanted:
                raise self._error(
                    place, f"{name} is named by {', '.join(parent.key_fields)}, not by {', '.join(content)}"
                )
            parts = {
                part: self._field(parent, part, content[part], (*place, part), in_each=in_each)
                for part in parent.key_fields
            }
            return Field(None, parts, line, required=required)
        owner, target = entity, name
        if parent is not None:
            if len(parent.key_fields) != 1:
                keys = ", ".join(f"{key}: {{…}}" for key in parent.key_fields)
                raise self._error(place, f"{name} has a key of several fields", f"Write {name}: {{{keys}}}.")
            owner, target = parent, parent.key_fields[0]
        value = self._value(owner, target, content, place)
        if not in_each and EACH in value.columns():
            raise self._error(place, "$each stands outside for_each")
        return Field(
            value,
            {},
            line,
            required=required,
            optional=bool(content.get("optional", False)),
            reduce=content.get("reduce"),
        )

    def _value(self, entity: Entity, name: str, content: dict[str, Any], place: Place) -> Value:
        convert = self._converter(entity, name, content, place)
        nulls = self._null_values | frozenset(content.get("null_values", ()))
        minus = content.get("minus_months")
        if minus is not None and convert != "date":
            raise self._error(
                (*place, "minus_months"), f"months can be taken off a date only, not off {name}"
            )
        if "format" in content and convert not in {"date", "datetime"}:
            raise self._error((*place, "format"), "`format` is for dates")
        return Value(
            column=content.get("column"),
            const=self._constant(entity, name, content, convert, place),
            key=tuple(
                self._part(part, "identifier", nulls) if isinstance(part, dict) else part
                for part in content.get("key", ())
            ),
            sum=tuple(self._part(part, convert, nulls) for part in content.get("sum", ())),
            convert=convert,
            enum=tuple(content["enum"].items())
            if "enum" in content
            else self._own_names(entity, name, convert),
            calendar=content.get("calendar", self._calendar),
            timezone=self._timezone,
            format=content.get("format"),
            width=content.get("width"),
            null_values=nulls,
            minus_months=MinusMonths(minus["column"], minus.get("max", _MONTHS_LIMIT)) if minus else None,
        )

    def _part(self, content: dict[str, Any], convert: str, nulls: frozenset[str]) -> Value:
        return Value(
            column=content["column"],
            convert=convert,
            enum=tuple(content.get("enum", {}).items()),
            width=content.get("width"),
            null_values=nulls | frozenset(content.get("null_values", ())),
        )

    @staticmethod
    def _own_names(entity: Entity, name: str, convert: str) -> tuple[tuple[str, str], ...]:
        """An enumeration without a list takes its own members."""
        members = entity.choices(name) if convert == "enum" else None
        return tuple((member, member) for member in members or ())

    def _converter(self, entity: Entity, name: str, content: dict[str, Any] | None, place: Place) -> str:
        dtype = entity.dtype(name)
        choices = entity.choices(name)
        content = content or {}
        given = content.get("convert") or ("enum" if "enum" in content else None)
        if given is None:
            given = "enum" if choices is not None else _DEFAULT_CONVERTERS[type(dtype)]
        if given == "text" and entity.columns[name].name in entity.natural_key:
            given = "identifier"
        makes = _MAKES.get(given, (pl.String,))
        if type(dtype) not in makes or (choices is not None and given != "enum"):
            raise self._error((*place, "convert"), f"the converter {given} does not make what {name} holds")
        if given == "enum" and choices is None and "enum" not in content and "const" not in content:
            raise self._error(place, f"{name} is no enumeration, so `enum` must list its values")
        unknown = set(content.get("enum", {}).values()) - set(choices) if choices is not None else set()
        if unknown:
            raise self._error(
                (*place, "enum"),
                f"{name} cannot be {', '.join(sorted(unknown))}",
                f"Known: {', '.join(choices or ())}.",
            )
        if "sum" in content and given not in {"number", "integer", "rial", "toman"}:
            raise self._error((*place, "sum"), f"only numbers can be summed, and {name} is none")
        if "key" in content and given not in {"text", "identifier"}:
            raise self._error((*place, "key"), f"a composed key is a text, and {name} is none")
        return given

    def _constant(
        self, entity: Entity, name: str, content: dict[str, Any], convert: str, place: Place
    ) -> Scalar | None:
        if "const" not in content:
            return None
        constant: Scalar = content["const"]
        spec = Value(
            enum=self._own_names(entity, name, "enum"), calendar=content.get("calendar", self._calendar)
        )
        text = str(constant).lower() if isinstance(constant, bool) else str(constant)
        found = CONVERTERS[convert](pl.Series([text]), spec, entity.dtype(name))
        if found.values.null_count():
            raise self._error((*place, "const"), f"{constant!r} cannot be a value of {name}")
        return constant
