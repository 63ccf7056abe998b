from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rules.batch import OUTCOMES, PointBatch

from .grouping import take, worst_by_point
from .peer_level import yearly_shortfall_kwh
from .registry import Field, SignalValues, absent, signal

# Between words, so that what stands left and right of an innocent phrase makes no new word.
_REMOVED = " | "


@signal(
    name="note_words",
    subject="usage_point",
    title_en="words of manipulation in the notes of visits that found no theft",
    title_fa="واژه‌های دستکاری در شرح بازدیدهای بدون کشف",
    fields={
        "notes": Field("count", "notes with such a word", "شرح‌های دارای این واژه‌ها"),
        "words": Field("count", "such words in all of them", "تعداد این واژه‌ها"),
        "days_ago": Field("day", "days since the newest such visit", "روزهای گذشته از آخرین این بازدیدها"),
        "lost_kwh": Field(
            "kWh", "shortfall against the peers' median over a year", "کمبود نسبت به میانه مشابه‌ها در یک سال"
        ),
        "since": Field("date", "day of the newest such visit", "روز آخرین این بازدیدها"),
        "until": Field("date", "as of", "تا تاریخ"),
    },
    formula=(
        "words of the site value inspection_note_words in the normalised note, their innocent phrases left out; each "
        "word once a note"
    ),
    missing="absent where no note of a visit without theft has such a word; an unknown shortfall counts as 0",
    source="text mining of inspection notes",
    needs=("inspection_notes",),
)
def note_words(batch: PointBatch) -> SignalValues:
    visits, points = batch.inspections, len(batch)
    rows = np.flatnonzero((visits.outcome != OUTCOMES.index("theft")) & (visits.day <= batch.as_of))
    if not len(rows):
        return absent(batch)
    # Inspectors write the same few words again and again: each distinct note is read once.
    notes = pa.array(visits.note[:], pa.string()).take(pa.array(rows)).dictionary_encode()
    code, notes = notes.indices.to_numpy(), notes.dictionary
    words = np.zeros(len(notes), np.int64)
    for one in batch.site.note_words:
        text = notes
        for phrase in one.innocent:
            text = pc.replace_substring(text, phrase, _REMOVED)
        words += pc.match_substring(text, one.word).to_numpy(zero_copy_only=False)
    words = words[code]
    hit = words > 0
    point, day, words = visits.point[rows][hit], visits.day[rows][hit].astype(np.int64), words[hit]
    has, newest = worst_by_point(point, day, points)
    when = take(newest, has, day, 0).astype(np.int64)
    return SignalValues(
        has,
        {
            "notes": np.bincount(point, minlength=points),
            "words": np.bincount(point, weights=words, minlength=points).astype(np.int64),
            "days_ago": np.where(has, batch.as_of - when, 0),
            "lost_kwh": yearly_shortfall_kwh(batch),
            "since": when,
            "until": np.full(points, batch.as_of, np.int64),
        },
    )
