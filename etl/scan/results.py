"""Findings of one task on their way to PostgreSQL: a Parquet file, written whole or not at all."""

from __future__ import annotations

import json
import uuid
from itertools import repeat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rules.findings import BatchFindings, Finding

# The namespace of case ids. Any fixed UUID would do; this one is ours for ever.
NAMESPACE = uuid.UUID("7b1f6c1e-5d0f-5a43-9c39-74617261757a")

SCHEMA = pa.schema(
    [
        ("identity", pa.string()),
        ("case_id", pa.string()),
        ("subject_kind", pa.string()),
        ("subject_key", pa.string()),
        ("subject_id", pa.int64()),
        ("district_id", pa.int64()),
        ("rule_id", pa.string()),
        ("rule_version", pa.int32()),
        ("family", pa.string()),
        ("severity", pa.string()),
        ("confidence", pa.float64()),
        ("energy_at_risk_kwh", pa.float64()),
        ("money_at_risk_rial", pa.int64()),
        ("evidence_from", pa.date32()),
        ("evidence_to", pa.date32()),
        ("invoice_id", pa.int64()),
        ("parameters", pa.string()),
        ("evidence", pa.string()),
        ("sentence_fa", pa.string()),
        ("sentence_en", pa.string()),
        ("explained_by", pa.string()),
    ]
)
_TALLY = b"tally"


def case_id(subject_kind: str, subject_key: str, family: str, opened_on: str) -> uuid.UUID:
    """The id of the case of a subject and rule family whose window starts on that day (ISO)."""
    return uuid.uuid5(NAMESPACE, f"case|{subject_kind}:{subject_key}|{family}|{opened_on}")


def write_results(path: Path, found: BatchFindings, opened_on: str) -> None:
    columns: dict[str, Any] = dict(
        zip(
            Finding._fields, zip(*found.findings, strict=True) if found.findings else repeat(()), strict=False
        )
    )
    subjects = [(finding.subject_kind, finding.subject_key, finding.family) for finding in found.findings]
    ids = {subject: str(case_id(*subject, opened_on)) for subject in dict.fromkeys(subjects)}
    columns["case_id"] = [ids[subject] for subject in subjects]
    table = pa.table({name: pa.array(columns[name], SCHEMA.field(name).type) for name in SCHEMA.names})
    tally = {
        "subjects": found.subjects,
        "screened": found.screened,
        "excepted": found.excepted,
        "shadow": found.shadow,
    }
    table = table.replace_schema_metadata({_TALLY: json.dumps(tally).encode()})
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    pq.write_table(table, temporary, compression="lz4")
    temporary.replace(path)


def read_results(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    """(findings, the counts of `rules.findings.BatchFindings` by their names)."""
    table = pq.read_table(path)
    tally: dict[str, Any] = json.loads((table.schema.metadata or {})[_TALLY])
    return table.cast(SCHEMA), tally
