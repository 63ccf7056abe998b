"""What is wrong with a mapping is told before anything is read: with the file, the line, the field and the mend."""

from pathlib import Path

import pytest

from etl.mapping_file import load_mapping, shipped_mappings
from tarazu.errors import MappingError

SOUND = """\
mapping: own
calendar: gregorian
files:
  - name: bills
    match: ["bills*.csv"]
    entities:
      - entity: invoice
        when: {column: no, not_null: true}
        fields:
          usage_point: {column: point}
          installation: {usage_point: {column: point}, meter: {column: meter}}
          invoice_no: {key: [A, {column: no}]}
          kind: {column: kind, enum: {010: ordinary, yes: revised}}
          period_start: {column: end, minus_months: {column: months}}
          period_end: {column: end}
          consumption_kwh: {sum: [{column: peak}, {column: low}]}
          payable_rial: {column: toman, convert: toman}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", shipped_mappings())
def test_every_mapping_that_ships_is_sound(name):
    mapping = load_mapping(name)
    assert mapping.name == name
    assert set(mapping.title) == {"fa", "en"}


def test_names_and_codes_are_read_as_they_are_written(tmp_path):
    """`no` is a column and 010 a code, whatever older rules of YAML make of them."""
    invoice = load_mapping(write(tmp_path, SOUND)).files[0].entities[0]
    assert invoice.fields["invoice_no"].value.key[1].column == "no"
    assert invoice.fields["kind"].value.enum == (("010", "ordinary"), ("yes", "revised"))


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("mapping: own", "mapping: Own", 1, "mapping: 'Own' does not match"),
        ("calendar: gregorian", "calendar: hijri", 2, "calendar: 'hijri' is not one of"),
        ("calendar: gregorian", "timezone: Asia/Qom", 2, "there is no time zone 'Asia/Qom'"),
        ('    match: ["bills*.csv"]\n', "", 4, "the file 'bills' lacks `match`"),
        ("entity: invoice", "entity: invoices", 7, "there is no entity 'invoices'. Known: "),
        ("not_null: true", "is_null: true", 8, "'is_null' was unexpected"),
        ("payable_rial:", "payable:", 17, "invoice has no field 'payable'. Its fields are"),
        ("          period_end: {column: end}\n", "", 7, "invoice needs the field period_end"),
        ("{column: point}\n", "point\n", 10, "'point' is not of type 'object'. Write {column: point}"),
        ("meter: {column: meter}}", "serial: {column: meter}}", 11, "installation is named by usage_point, meter"),
        ("installation: {usage_point: {column: point}, meter: {column: meter}}",
         "installation: {column: meter}", 11, "installation has a key of several fields"),
        ("yes: revised", "yes: amended", 13, "kind cannot be amended. Known: ordinary"),
        ("convert: toman", "convert: date", 17, "the converter date does not make what payable_rial holds"),
        ("{column: end}\n", "{column: end, minus_months: {column: m, max: x}}\n", 15, "'x' is not of type 'integer'"),
        ("{sum: [{column: peak}, {column: low}]}", "{sum: [{column: peak}], const: 1}", 16, "exactly one of"),
        ("{column: toman, convert: toman}", "{const: -}", 17, "'-' cannot be a value of payable_rial"),
        ("{column: point}\n", "{column: $each}\n", 10, "$each stands outside for_each"),
        ("          payable_rial", "          usage_point", 17, "usage_point is given twice"),
        ("files:", "files: [", 4, "is no YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(tmp_path, old, new, line, told):
    assert old in SOUND
    path = write(tmp_path, SOUND.replace(old, new, 1))
    with pytest.raises(MappingError) as caught:
        load_mapping(path)
    message = str(caught.value)
    assert f"{path}:{line}:" in message, message
    assert told in message, message


def test_a_field_that_the_importer_derives_cannot_be_mapped(tmp_path):
    text = SOUND.split("      - entity", maxsplit=1)[0] + (
        "      - entity: customer\n        fields: {customer_no: {column: a}, name_search_key: {column: b}}\n"
    )
    with pytest.raises(MappingError, match=r"name_search_key is made from name by the importer. Map name"):
        load_mapping(write(tmp_path, text))


def test_a_joined_file_must_come_before(tmp_path):
    text = SOUND.replace("    entities:", "    join: {file: clients, on: point}\n    entities:")
    with pytest.raises(MappingError, match=r":6:.*'clients' is no earlier file of this mapping"):
        load_mapping(write(tmp_path, text))
