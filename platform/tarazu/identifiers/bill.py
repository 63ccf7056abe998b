"""The bill id «شناسه قبض», the payment id «شناسه پرداخت» and the barcode that joins them.

Layout, from the banks' scheme for electronic payment of bills (1385):

    bill id     file code (1–8 digits), company code (3), service type (1), check digit
    payment id  amount in thousand rial (1–8 digits), year code (1), period code (2), check digit, check digit

Both are 6–13 digits. The bill id stays the same for all bills of one subscription. A payable amount is a
multiple of 1,000 rial, and no payment id can carry more than 99,999,999,000 rial.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tarazu.errors import IdentifierError
from tarazu.identifiers._reading import compact, read_digits, refusal

ELECTRICITY_SERVICE_TYPE: Final = 2
"""The service-type digit of electricity (water 1, gas 3, fixed phone 4, mobile 5, municipality 6)."""

_KIND_BILL: Final = "bill id"
_KIND_PAYMENT: Final = "payment id"
_KIND_BARCODE: Final = "barcode"
_LENGTHS: Final = range(6, 14)


@dataclass(frozen=True, slots=True)
class BillId:
    """The fields of a bill id. Raises IdentifierError (`range`) on a field that has no place in it."""

    file_code: int
    """«کد پرونده», 1–99,999,999."""
    company_code: int
    """«کد شرکت تابعه», 0–999; printed with three digits."""
    service_type: int = ELECTRICITY_SERVICE_TYPE
    """«کد نوع خدمت», 0–9. Sources disagree on what lies beyond 6, so none is refused."""

    def __post_init__(self) -> None:
        _require_range("file code", self.file_code, 1, 99_999_999)
        _require_range("company code", self.company_code, 0, 999)
        _require_range("service type", self.service_type, 0, 9)


@dataclass(frozen=True, slots=True)
class PaymentId:
    """The fields of a payment id. Raises IdentifierError (`range`) on a field that has no place in it."""

    amount_thousand_rial: int
    """1–99,999,999."""
    year_code: int
    """Normally the last digit of the Jalali year."""
    period_code: int
    """0–99: a sequence of the company's own, not a month."""

    def __post_init__(self) -> None:
        _require_range("amount in thousand rial", self.amount_thousand_rial, 1, 99_999_999)
        _require_range("year code", self.year_code, 0, 9)
        _require_range("period code", self.period_code, 0, 99)

    @property
    def amount_rial(self) -> int:
        return self.amount_thousand_rial * 1000


def check_digit(digits: str) -> int:
    """The check digit to put behind `digits` (ASCII): weights 2…7 cycling from the right, modulo 11.

    Remainders 0 and 1 both give 0; all others give 11 − remainder. So a single misread digit goes unnoticed
    only where the check digit is 0 and the remainder moves between 0 and 1.
    """
    remainder = sum(int(digit) * (2 + i % 6) for i, digit in enumerate(reversed(digits))) % 11
    return 0 if remainder < 2 else 11 - remainder


def parse_bill_id(value: str | int) -> BillId:
    """The fields of a bill id; leading zeros (as in a barcode) are allowed.

    Raises IdentifierError: `digits`, `length`, `check_digit`.
    """
    digits = _read(value, _KIND_BILL)
    if int(digits[-1]) != check_digit(digits[:-1]):
        raise refusal(_KIND_BILL, digits, "check_digit", "has a check digit that does not fit")
    return BillId(int(digits[:-5]), int(digits[-5:-2]), int(digits[-2]))


def is_valid_bill_id(value: str | int) -> bool:
    try:
        parse_bill_id(value)
    except IdentifierError:
        return False
    return True


def make_bill_id(parts: BillId) -> str:
    """The bill id of `parts`, without leading zeros: 6–13 digits."""
    body = f"{parts.file_code}{parts.company_code:03d}{parts.service_type}"
    return f"{body}{check_digit(body)}"


def parse_payment_id(value: str | int, bill_id: str | int) -> PaymentId:
    """The fields of a payment id. Its last digit covers the bill id too, which therefore must be given; the
    bill id's own check digit is not looked at.

    Raises IdentifierError: `digits`, `length`, `check_digit`, and `check_digit_pair` where the payment id is
    sound by itself but not of this bill id.
    """
    bill = _read(bill_id, _KIND_BILL)
    payment = _read(value, _KIND_PAYMENT)
    if int(payment[-2]) != check_digit(payment[:-2]):
        raise refusal(_KIND_PAYMENT, payment, "check_digit", "has a first check digit that does not fit")
    if int(payment[-1]) != _pair_check_digit(bill, payment[:-1]):
        raise refusal(_KIND_PAYMENT, payment, "check_digit_pair", "does not belong to its bill id")
    return PaymentId(int(payment[:-5]), int(payment[-5]), int(payment[-4:-2]))


def is_valid_payment_id(value: str | int, bill_id: str | int) -> bool:
    try:
        parse_payment_id(value, bill_id)
    except IdentifierError:
        return False
    return True


def make_payment_id(bill_id: str | int, parts: PaymentId) -> str:
    """The payment id of `parts` for one bill id, without leading zeros: 6–13 digits.

    Raises IdentifierError where the bill id is wrong.
    """
    parse_bill_id(bill_id)
    body = f"{parts.amount_thousand_rial}{parts.year_code}{parts.period_code:02d}"
    body = f"{body}{check_digit(body)}"
    return f"{body}{_pair_check_digit(_read(bill_id, _KIND_BILL), body)}"


def barcode(bill_id: str | int, payment_id: str | int) -> str:
    """The 26 digits under the bars of a bill: both ids, each padded with zeros to 13.

    Raises IdentifierError where either is wrong, so that no unpayable bill is printed.
    """
    parse_bill_id(bill_id)
    parse_payment_id(payment_id, bill_id)
    return compact(bill_id).zfill(13) + compact(payment_id).zfill(13)


def split_barcode(value: str) -> tuple[str, str]:
    """(bill id, payment id) of a scanned barcode, without leading zeros.

    Raises IdentifierError: `length` where there are not 26 digits, or as the parsers of the two ids.
    """
    digits = read_digits(value, _KIND_BARCODE, range(26, 27))
    bill_id, payment_id = digits[:13].lstrip("0"), digits[13:].lstrip("0")
    parse_bill_id(bill_id)
    parse_payment_id(payment_id, bill_id)
    return bill_id, payment_id


def _read(value: str | int, kind: str) -> str:
    """The digits without leading zeros, of which 6–13 must remain."""
    digits = read_digits(value, kind, _LENGTHS).lstrip("0")
    if len(digits) not in _LENGTHS:
        raise refusal(
            kind, digits, "length", f"has {len(digits)} digits after its leading zeros; 6 to 13 are expected"
        )
    return digits


def _pair_check_digit(bill_id: str, payment_body: str) -> int:
    # Without padding the payment id to 13 digits: a zero inside the joined number would shift the bill's weights.
    return check_digit(bill_id + payment_body)


def _require_range(field: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise IdentifierError(f"The {field} {value} is outside {lowest}–{highest}.", reason="range")
