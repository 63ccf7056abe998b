import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.reasons import Reason
from etl.sources.records import last_record_end, parse

FIELDS = st.text('ab",;\n۱ ', max_size=5)


def read(text, columns=("a", "b", "c"), first_line=2):
    block = parse(text.encode(), list(columns), ",", first_line)
    rows = [tuple(value or "" for value in row) for row in block.rows.iter_rows()]
    return rows, block.numbers.to_list(), [(row.number, row.reason, row.text) for row in block.broken]


@given(
    st.lists(st.lists(FIELDS, min_size=1, max_size=5), min_size=1, max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_a_writer_wrote_is_read_and_rows_of_another_length_are_refused(rows, ending, quoting):
    # A line that is blank is no record, and one blank text alone is written as one.
    rows = [row for row in rows if "".join(row).strip() or quoting == csv.QUOTE_ALL or len(row) > 1]
    out = io.StringIO()
    csv.writer(out, lineterminator=ending, quoting=quoting).writerows(rows)
    line, numbers = 2, []
    for row in rows:
        numbers.append(line)
        line += 1 + sum(field.count("\n") for field in row)
    if not rows:
        return
    good, places, broken = read(out.getvalue())
    assert good == [tuple(row) for row in rows if len(row) == 3]
    assert places == [number for number, row in zip(numbers, rows, strict=True) if len(row) == 3]
    assert [(number, reason) for number, reason, _ in broken] == [
        (number, Reason.COLUMN_COUNT) for number, row in zip(numbers, rows, strict=True) if len(row) != 3
    ]


@pytest.mark.parametrize(
    ("text", "rows", "broken"),
    [
        ("1,2,3\n\n\r\n4,5,6\n", [("1", "2", "3"), ("4", "5", "6")], []),
        ('1,"open,3\n4,5,6\n', [("4", "5", "6")], [(2, Reason.MALFORMED_QUOTES)]),
        ('1,5" pipe,3\n4,"five, 5",6\n', [("1", '5" pipe', "3"), ("4", "five, 5", "6")], []),
        ('1,"a"b,3\n4,5,6\n', [("4", "5", "6")], [(2, Reason.MALFORMED_QUOTES)]),
        ('1,"a\nb",3\n4,5\n', [("1", "a\nb", "3")], [(4, Reason.COLUMN_COUNT)]),
        ('1,"he said ""no""",3\n', [("1", 'he said "no"', "3")], []),
    ],
)
def test_a_quote_out_of_place_costs_its_own_row_only(text, rows, broken):
    good, _, refused = read(text)
    assert good == rows
    assert [(number, reason) for number, reason, _ in refused] == broken


def test_a_block_is_cut_after_a_whole_record():
    block = b'1,2\n3,"4\n5"\n6,"7\n'
    assert block[: last_record_end(block)] == b'1,2\n3,"4\n5"\n'
    assert last_record_end(b'"1\n2\n') == 0
    assert last_record_end(b"1") == 0
