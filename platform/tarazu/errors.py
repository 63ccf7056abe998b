"""The one tree of errors. Each class has a stable dotted code; an operational fault (the world, not the input,
is at fault and a retry may succeed) is a branch of its own.

A message names the input, the place and the mend.
"""

from __future__ import annotations

from typing import ClassVar


class TarazuError(Exception):
    """Something Tarazu can say in one sentence, with a stable code for machines."""

    code: ClassVar[str] = "tarazu"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, mend: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message} {self.mend}" if self.mend else self.message


class InputError(TarazuError):
    """The input (a file, a mapping, an argument) is wrong; the same input will fail again."""

    code = "input"
    exit_code = 2


class OperationalError(TarazuError):
    """The world is at fault (database away, disk full); the same call may succeed later."""

    code = "operational"
    exit_code = 3


class DatabaseUnavailableError(OperationalError):
    """The database cannot be reached or went away."""

    code = "operational.database_unavailable"


class DatabaseNotMigratedError(OperationalError):
    """The database's schema is not the one this version expects."""

    code = "operational.database_not_migrated"


class StorageError(OperationalError):
    """A file or folder of ours cannot be written or read (disk full, permission)."""

    code = "operational.storage"


class BusyError(OperationalError):
    """Another run of the same kind holds the lock."""

    code = "operational.busy"


class IdentifierError(InputError):
    """A bill id, national id, … is malformed. `reason` is a stable word such as `check_digit`."""

    code = "identifier"

    def __init__(self, message: str, *, reason: str, mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.reason = reason


class DateError(InputError):
    """A date cannot be read. `reason` is a stable word such as `month` (tarazu.jalali lists them)."""

    code = "date"

    def __init__(self, message: str, *, reason: str = "format", mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.reason = reason


class NumberError(InputError):
    """A number cannot be read."""

    code = "number"


class MappingError(InputError):
    """An import mapping is unknown or wrong: names the file, the line and the field."""

    code = "import.mapping"


class SourceError(InputError):
    """A source file cannot be read as what the mapping says it is."""

    code = "import.source"


class RuleError(InputError):
    """A rule file is wrong: names the file, the line and the field."""

    code = "rules.invalid"


class NotFoundError(InputError):
    """The named thing does not exist."""

    code = "not_found"
