"""Why a row can be refused: stable codes, each with a sentence and the mend in Persian and in English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """The code is what the database, the summary and the API say; it never changes its meaning."""

    COLUMN_COUNT = "column_count"
    MALFORMED_QUOTES = "malformed_quotes"
    CONTROL_CHARACTER = "control_character"
    MISSING = "missing"
    NUMBER = "number"
    NOT_WHOLE = "not_whole"
    OUT_OF_RANGE = "out_of_range"
    BOOLEAN = "boolean"
    UNKNOWN_VALUE = "unknown_value"
    DATE_FORMAT = "date_format"
    DATE_YEAR = "date_year"
    DATE_MONTH = "date_month"
    DATE_DAY = "date_day"
    DATE_NOT_LEAP = "date_not_leap"
    TIME = "time"
    DIGITS = "digits"
    LENGTH = "length"
    CHECK_DIGIT = "check_digit"
    REPEATED_DIGIT = "repeated_digit"
    SERIAL_ZERO = "serial_zero"
    PREFIX = "prefix"
    PERIOD_ORDER = "period_order"
    VALIDITY_ORDER = "validity_order"
    NEGATIVE_AMOUNT = "negative_amount"
    NEGATIVE_ENERGY = "negative_energy"
    NOT_POSITIVE = "not_positive"
    BILLING_PERIOD = "billing_period"
    CHECK = "check"
    UNKNOWN_PARENT = "unknown_parent"
    DUPLICATE_KEY = "duplicate_key"
    DUPLICATE_PERIOD = "duplicate_period"


# Reasons of tarazu.identifiers and tarazu.jalali, in our words.
IDENTIFIER_REASONS: Final[Mapping[str, Reason]] = {
    "digits": Reason.DIGITS,
    "length": Reason.LENGTH,
    "check_digit": Reason.CHECK_DIGIT,
    "check_digit_pair": Reason.CHECK_DIGIT,
    "repeated": Reason.REPEATED_DIGIT,
    "serial": Reason.SERIAL_ZERO,
    "prefix": Reason.PREFIX,
    "range": Reason.OUT_OF_RANGE,
}
DATE_REASONS: Final[Mapping[str, Reason]] = {
    "format": Reason.DATE_FORMAT,
    "year": Reason.DATE_YEAR,
    "month": Reason.DATE_MONTH,
    "day": Reason.DATE_DAY,
    "not_leap": Reason.DATE_NOT_LEAP,
}
# By the name of a CHECK constraint; others are plainly `check`.
CHECK_REASONS: Final[Mapping[str, Reason]] = {
    "period": Reason.PERIOD_ORDER,
    "validity": Reason.VALIDITY_ORDER,
    "payable": Reason.NEGATIVE_AMOUNT,
    "amount": Reason.NOT_POSITIVE,
    "consumption": Reason.NEGATIVE_ENERGY,
    "delivered": Reason.NEGATIVE_ENERGY,
    "multiplier": Reason.NOT_POSITIVE,
    "rated_power": Reason.NOT_POSITIVE,
    "contracted_power": Reason.NOT_POSITIVE,
    "billing_period": Reason.BILLING_PERIOD,
    "bill_id": Reason.DIGITS,
    "payment_id": Reason.DIGITS,
    "national_id": Reason.DIGITS,
    "legal_entity_id": Reason.DIGITS,
    "mobile": Reason.PREFIX,
    "phase_count": Reason.OUT_OF_RANGE,
    "position": Reason.OUT_OF_RANGE,
    "register_digits": Reason.OUT_OF_RANGE,
    "tariff_option": Reason.OUT_OF_RANGE,
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """One sentence and one mend, in both languages."""

    fa: str
    fa_mend: str
    en: str
    en_mend: str


EXPLANATIONS: Final[Mapping[Reason, Explanation]] = {
    Reason.COLUMN_COUNT: Explanation(
        "شمار ستون‌های این سطر با سطر عنوان یکی نیست.",
        "جداکنندهٔ اضافه یا کم را در سطر درست کنید؛ متنی که جداکننده دارد باید در گیومه باشد.",
        "The row has another number of columns than the header.",
        "Mend the delimiters of the row; text that holds the delimiter must be quoted.",
    ),
    Reason.MALFORMED_QUOTES: Explanation(
        "یک گیومه در این سطر باز شده و بسته نشده است.",
        "گیومه را ببندید؛ گیومهٔ داخل متن را دوبار بنویسید.",
        "A quote is opened in this row and never closed.",
        "Close it; write a quote inside a quoted text twice.",
    ),
    Reason.CONTROL_CHARACTER: Explanation(
        "متن نویسهٔ تهی (NUL) دارد که پایگاه داده نمی‌پذیرد.",
        "نویسه را در سامانهٔ مبدأ پاک کنید.",
        "The text holds a NUL character, which the database cannot keep.",
        "Remove the character in the source system.",
    ),
    Reason.MISSING: Explanation(
        "مقدار لازم خالی است.",
        "مقدار را در سامانهٔ مبدأ پر کنید.",
        "A required value is empty.",
        "Fill it in the source system.",
    ),
    Reason.NUMBER: Explanation(
        "مقدار، عدد نیست.",
        "عدد را مانند ۱٬۲۵۰٬۰۰۰ یا ۱۲/۵ بنویسید.",
        "The value is not a number.",
        "Write it like 1,250,000 or 12/5.",
    ),
    Reason.NOT_WHOLE: Explanation(
        "عدد باید صحیح باشد ولی اعشار دارد.",
        "واحد ستون را بررسی کنید (ریال یا تومان).",
        "The number must be whole and has decimals.",
        "Check the unit of the column (rial or toman).",
    ),
    Reason.OUT_OF_RANGE: Explanation(
        "عدد بیرون از محدودهٔ این ستون است.",
        "ببینید ستون‌های سطر جابه‌جا نشده باشند.",
        "The number is outside the range of this column.",
        "See whether the columns of the row have shifted.",
    ),
    Reason.BOOLEAN: Explanation(
        "مقدار، بله یا خیر نیست.",
        "یکی از ۱، ۰، true، false، بله، خیر را بنویسید.",
        "The value is neither yes nor no.",
        "Write 1, 0, true, false, بله or خیر.",
    ),
    Reason.UNKNOWN_VALUE: Explanation(
        "این مقدار در فهرست مقدارهای نگاشت نیست.",
        "مقدار را به `enum` نگاشت بیفزایید یا آن را درست کنید.",
        "The value is not among those that the mapping lists.",
        "Add it to the mapping's `enum`, or correct it.",
    ),
    Reason.DATE_FORMAT: Explanation(
        "مقدار، تاریخ نیست.",
        "تاریخ را مانند 1403/01/15 بنویسید یا `calendar` و `format` نگاشت را درست کنید.",
        "The value is not a date.",
        "Write it like 1403/01/15, or correct `calendar` and `format` in the mapping.",
    ),
    Reason.DATE_YEAR: Explanation(
        "سال بیرون از محدودهٔ این تقویم است.",
        "ببینید تاریخ میلادی است یا هجری خورشیدی و `calendar` نگاشت را درست کنید.",
        "The year is outside the range of the calendar.",
        "See whether the date is Gregorian or Jalali and correct `calendar` in the mapping.",
    ),
    Reason.DATE_MONTH: Explanation(
        "چنین ماهی نیست.",
        "تاریخ را در سامانهٔ مبدأ درست کنید.",
        "There is no such month.",
        "Correct the date in the source system.",
    ),
    Reason.DATE_DAY: Explanation(
        "این ماه چنین روزی ندارد.",
        "تاریخ را در سامانهٔ مبدأ درست کنید.",
        "The month has no such day.",
        "Correct the date in the source system.",
    ),
    Reason.DATE_NOT_LEAP: Explanation(
        "۳۰ اسفند در سالی که کبیسه نیست.",
        "تاریخ را در سامانهٔ مبدأ درست کنید.",
        "30 Esfand in a year that is not leap.",
        "Correct the date in the source system.",
    ),
    Reason.TIME: Explanation(
        "ساعت خوانده نمی‌شود یا در آن روز نبوده است.",
        "ساعت را مانند 08:30 بنویسید.",
        "The time of day cannot be read, or did not exist on that day.",
        "Write it like 08:30.",
    ),
    Reason.DIGITS: Explanation(
        "شناسه باید فقط رقم باشد.",
        "شناسه را از روی سند اصلی درست کنید.",
        "The identifier must hold digits only.",
        "Correct it from the document it was copied from.",
    ),
    Reason.LENGTH: Explanation(
        "شمار رقم‌های شناسه درست نیست.",
        "شناسه را از روی سند اصلی درست کنید.",
        "The identifier has the wrong number of digits.",
        "Correct it from the document it was copied from.",
    ),
    Reason.CHECK_DIGIT: Explanation(
        "رقم کنترل شناسه درست نیست.",
        "شناسه را از روی سند اصلی درست کنید؛ یک رقم اشتباه خوانده شده است.",
        "The check digit does not fit.",
        "Correct it from the document it was copied from; a digit was misread.",
    ),
    Reason.REPEATED_DIGIT: Explanation(
        "شناسه تکرار یک رقم است و از آنِ کسی نیست.",
        "شناسهٔ درست را بپرسید.",
        "The identifier is one digit repeated, which nobody holds.",
        "Ask for the right one.",
    ),
    Reason.SERIAL_ZERO: Explanation(
        "بخش سریال شناسه همه صفر است.",
        "شناسهٔ درست را بپرسید.",
        "The serial part of the identifier is all zeros.",
        "Ask for the right one.",
    ),
    Reason.PREFIX: Explanation(
        "شناسه با پیش‌شمارهٔ درست آغاز نمی‌شود.",
        "شناسه را از روی سند اصلی درست کنید.",
        "The identifier does not begin as one of its kind does.",
        "Correct it from the document it was copied from.",
    ),
    Reason.PERIOD_ORDER: Explanation(
        "پایان دوره پیش از آغاز آن یا با آن یکی است.",
        "تاریخ‌های دوره را درست کنید.",
        "The period ends before it begins, or on the same day.",
        "Correct the dates of the period.",
    ),
    Reason.VALIDITY_ORDER: Explanation(
        "پایان اعتبار پیش از آغاز آن یا با آن یکی است.",
        "تاریخ‌های اعتبار را درست کنید.",
        "The validity ends before it begins, or on the same day.",
        "Correct the dates of validity.",
    ),
    Reason.NEGATIVE_AMOUNT: Explanation(
        "مبلغ منفی است.",
        "برگشتی را به‌صورت صورتحساب اصلاحی وارد کنید.",
        "The amount is negative.",
        "Enter what is given back as a revised invoice.",
    ),
    Reason.NEGATIVE_ENERGY: Explanation(
        "انرژی منفی است.",
        "قرائت‌ها و ضریب را بررسی کنید.",
        "The energy is negative.",
        "Check the readings and the multiplier.",
    ),
    Reason.NOT_POSITIVE: Explanation(
        "مقدار باید بیشتر از صفر باشد.",
        "مقدار درست را در سامانهٔ مبدأ بنویسید.",
        "The value must be greater than zero.",
        "Write the right value in the source system.",
    ),
    Reason.BILLING_PERIOD: Explanation(
        "سال و دوره باید هر دو باشند یا هیچ‌کدام.",
        "مقدار دیگر را هم پر کنید.",
        "Billing year and period must both be given, or neither.",
        "Fill the other one too.",
    ),
    Reason.CHECK: Explanation(
        "سطر یکی از قیدهای پایگاه داده را نقض می‌کند.",
        "ستون نام‌برده را درست کنید.",
        "The row violates a constraint of the database.",
        "Correct the column that is named.",
    ),
    Reason.UNKNOWN_PARENT: Explanation(
        "سطر به چیزی ارجاع می‌دهد که نیست.",
        "نخست آن را وارد کنید یا کلید را درست کنید؛ شاید خودش در قرنطینه باشد.",
        "The row refers to something that does not exist.",
        "Import that first or correct the key; it may itself be in quarantine.",
    ),
    Reason.DUPLICATE_KEY: Explanation(
        "سطری پیش از این در همین فایل همین کلید را با مقدارهای دیگر دارد.",
        "یکی از دو سطر را حذف کنید.",
        "An earlier row of the file has the same key with other values.",
        "Remove one of the two.",
    ),
    Reason.DUPLICATE_PERIOD: Explanation(
        "برای این اشتراک، سال و دوره صورتحساب دیگری هست.",
        "صورتحساب درست را نگه دارید؛ یک دوره یک صورتحساب دارد.",
        "Another invoice exists for this subscription, year and period.",
        "Keep the right one; a period has one invoice.",
    ),
}
