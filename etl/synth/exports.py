"""The files of an Iranian billing system's export: Persian headers, Jalali dates, Persian digits here and there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from etl.synth.columns import Column
from etl.synth.network import DISTRICTS
from tarazu.models.enums import (
    CustomerKind,
    EndDeviceEventKind,
    InspectionOutcome,
    InvoiceKind,
    MeteredQuantity,
    ReadingQuality,
    Register,
    Sector,
    TariffClass,
    UsagePointStatusKind,
)

Tables = Mapping[str, pl.DataFrame]

_DISTRICT_NAMES: Final = {code: name for code, name, *_ in DISTRICTS}

KINDS: Final = {CustomerKind.PERSON.value: "حقیقی", CustomerKind.LEGAL_ENTITY.value: "حقوقی"}
SECTORS: Final = {Sector.GOVERNMENT.value: "دولتی", Sector.PRIVATE.value: "غیردولتی"}
TARIFFS: Final = {
    TariffClass.RESIDENTIAL.value: "خانگی",
    TariffClass.PUBLIC.value: "عمومی",
    TariffClass.AGRICULTURAL.value: "کشاورزی",
    TariffClass.INDUSTRIAL.value: "صنعتی",
    TariffClass.OTHER.value: "سایر مصارف",
}
YES_NO: Final = {"true": "بلی", "false": "خیر"}
STATUSES: Final = {
    UsagePointStatusKind.DISCONNECTED.value: "قطع",
    UsagePointStatusKind.REMOVED.value: "جمع‌آوری شده",
    UsagePointStatusKind.DECLARED_VACANT.value: "خالی از سکنه",
    UsagePointStatusKind.SEASONAL.value: "فصلی",
    UsagePointStatusKind.GENERATION_CONTRACT.value: "قرارداد تولید پراکنده",
    UsagePointStatusKind.CRITICAL_LOAD.value: "بار حساس",
}
EVENTS: Final = {
    EndDeviceEventKind.TERMINAL_COVER_REMOVED.value: "باز شدن درپوش ترمینال",
    EndDeviceEventKind.METER_COVER_REMOVED.value: "باز شدن درپوش کنتور",
    EndDeviceEventKind.MAGNETIC_FIELD.value: "میدان مغناطیسی",
    EndDeviceEventKind.POWER_FAILURE.value: "قطع برق",
    EndDeviceEventKind.POWER_RETURNED.value: "وصل برق",
    EndDeviceEventKind.CLOCK_ADJUSTED.value: "تغییر ساعت",
    EndDeviceEventKind.BATTERY_LOW.value: "ضعف باتری",
    EndDeviceEventKind.UNDER_VOLTAGE.value: "افت ولتاژ",
    EndDeviceEventKind.REVERSE_RUN.value: "جریان معکوس",
    EndDeviceEventKind.LOW_POWER_FACTOR.value: "ضریب توان پایین",
}
REGISTERS: Final = {Register.EXPORT.value: "صادره"}
QUANTITIES: Final = {
    MeteredQuantity.ACTIVE_ENERGY_KWH.value: "انرژی اکتیو (kWh)",
    MeteredQuantity.VOLTAGE_V.value: "ولتاژ (V)",
    MeteredQuantity.CURRENT_A.value: "جریان (A)",
}
BILLS: Final = {
    InvoiceKind.ORDINARY.value: "عادی",
    InvoiceKind.PROVISIONAL.value: "علی‌الحساب",
    InvoiceKind.REVISED.value: "اصلاحی",
    InvoiceKind.FINAL.value: "تسویه",
}
QUALITIES: Final = {
    ReadingQuality.ACTUAL.value: "قرائت شده",
    ReadingQuality.ESTIMATED.value: "برآوردی",
    ReadingQuality.SELF_READ.value: "خوداظهاری",
    ReadingQuality.NO_ACCESS.value: "درب بسته",
}
CHANNELS: Final = {
    "internet": "درگاه اینترنتی",
    "mobile_app": "برق من",
    "atm": "خودپرداز",
    "branch": "شعبه",
    "pos": "پایانه فروش",
}
OUTCOMES: Final = {
    InspectionOutcome.THEFT.value: "برق غیرمجاز",
    InspectionOutcome.METER_FAULT.value: "خرابی لوازم اندازه‌گیری",
    InspectionOutcome.BILLING_ERROR.value: "خطای صورتحساب",
    InspectionOutcome.CLEAN.value: "بدون مورد",
    InspectionOutcome.NO_ACCESS.value: "عدم دسترسی",
}


@dataclass(frozen=True, slots=True)
class Export:
    """One file: its name, the frame it is written from, its columns in order."""

    file: str
    frame: Callable[[Tables], pl.DataFrame]
    columns: tuple[Column, ...]

    def render(self, tables: Tables) -> pl.DataFrame:
        frame = self.frame(tables)
        return pl.DataFrame([column.render(frame) for column in self.columns])


def _network(tables: Tables) -> pl.DataFrame:
    feeders = tables["feeder"].rename({"code": "feeder_code", "name": "feeder_name"})
    return (
        tables["distribution_transformer"]
        .join(feeders, on="feeder_code", how="left", maintain_order="left")
        .with_columns(
            exchange_point_name="پست فوق توزیع "
            + pl.col("exchange_point_code").str.slice(1).str.strip_chars_start("0"),
            district_name=pl.col("district_code").replace_strict(_DISTRICT_NAMES),
        )
    )


def _agreements(tables: Tables) -> pl.DataFrame:
    return tables["agreement_usage_point"].join(
        tables["supply_agreement"], on="agreement_no", how="left", maintain_order="left"
    )


def _usage_points(tables: Tables) -> pl.DataFrame:
    return pl.concat(
        [tables["usage_point"], tables["usage_point_term"].drop("subscription_no", "valid_from")],
        how="horizontal",
    )


def _meters(tables: Tables) -> pl.DataFrame:
    multiplier = tables["meter_multiplier"].select("multiplier")
    meter = tables["meter"].with_columns(smart=pl.col("is_smart").cast(pl.String))
    return pl.concat([tables["meter_installation"], meter, multiplier], how="horizontal")


def _invoices(tables: Tables) -> pl.DataFrame:
    lines = tables["invoice_line"].drop("subscription_no", "invoice_no")
    return pl.concat([tables["invoice"], lines], how="horizontal")


def _registers(tables: Tables) -> pl.DataFrame:
    """The total register stands on the bills."""
    return tables["meter_reading"].filter(pl.col("register") != Register.TOTAL.value)


def _payments(tables: Tables) -> pl.DataFrame:
    # A payment that settles no bill names none.
    settled = tables["payment_allocation"].select("payment_no", "invoice_no")
    return tables["payment"].join(settled, on="payment_no", how="left", maintain_order="left")


EXPORTS: Final = (
    Export(
        "network.csv",
        _network,
        (
            Column("کد امور", "district_code"),
            Column("نام امور", "district_name"),
            Column("کد پست فوق توزیع", "exchange_point_code"),
            Column("نام پست فوق توزیع", "exchange_point_name"),
            Column("کد فیدر", "feeder_code"),
            Column("نام فیدر", "feeder_name", persian=True),
            Column("کد پست", "code"),
            Column("نام پست", "name", persian=True),
            Column("ظرفیت (kVA)", "rated_power_kva", "whole"),
        ),
    ),
    Export(
        "customers.csv",
        lambda tables: tables["customer"],
        (
            Column("کد مشترک", "customer_no"),
            Column("نوع شخص", "kind", "choice", words=KINDS),
            Column("بخش", "sector", "choice", words=SECTORS),
            Column("نام", "name", persian=True),
            Column("کد ملی", "national_id", persian=True),
            Column("شناسه ملی", "legal_entity_id", persian=True),
            Column("تلفن همراه", "mobile"),
        ),
    ),
    Export(
        "usage_points.csv",
        _usage_points,
        (
            Column("شماره اشتراک", "subscription_no"),
            Column("شناسه قبض", "bill_id"),
            Column("کد امور", "district_code"),
            Column("کد پست", "transformer_code"),
            Column("تعداد فاز", "phase_count"),
            Column("کد فعالیت", "activity_code"),
            Column("نشانی", "address", persian=True),
            Column("عرض جغرافیایی", "latitude"),
            Column("طول جغرافیایی", "longitude"),
            Column("تاریخ وصل", "energised_on", "jalali", persian=True),
            Column("تعرفه", "tariff_class", "choice", words=TARIFFS),
            Column("کد تعرفه", "tariff_code"),
            Column("گزینه", "tariff_option"),
            Column("قدرت قراردادی", "contracted_power_kw"),
            Column("قدرت مجاز", "permitted_power_kw"),
            Column("تاریخ اعتبار پروانه", "licence_expires_on", "jalali"),
        ),
    ),
    Export(
        "agreements.csv",
        _agreements,
        (
            Column("شماره قرارداد", "agreement_no"),
            Column("کد مشترک", "customer_no"),
            Column("تاریخ قرارداد", "signed_on", "jalali"),
            Column("شماره اشتراک", "subscription_no"),
            Column("از تاریخ", "valid_from", "jalali"),
            Column("تا تاریخ", "valid_to", "jalali"),
        ),
    ),
    Export(
        "meters.csv",
        _meters,
        (
            Column("شماره اشتراک", "subscription_no"),
            Column("شماره بدنه کنتور", "meter_serial_no"),
            Column("سازنده", "manufacturer"),
            Column("مدل", "model"),
            Column("تعداد ارقام", "register_digits"),
            Column("هوشمند", "smart", "choice", words=YES_NO),
            Column("تاریخ نصب", "valid_from", "jalali"),
            Column("تاریخ برچیدن", "valid_to", "jalali"),
            Column("ضریب کنتور", "multiplier", "whole"),
        ),
    ),
    Export(
        "statuses.csv",
        lambda tables: tables["usage_point_status"],
        (
            Column("شماره اشتراک", "subscription_no"),
            Column("وضعیت", "kind", "choice", words=STATUSES),
            Column("از تاریخ", "valid_from", "jalali"),
            Column("تا تاریخ", "valid_to", "jalali"),
        ),
    ),
    Export(
        "events.csv",
        lambda tables: tables["end_device_event"],
        (
            Column("شماره بدنه کنتور", "meter_serial_no"),
            Column("زمان رخداد", "occurred_at", "jalali_time"),
            Column("رخداد", "kind", "choice", words=EVENTS),
            Column("کد رخداد", "raw_code"),
        ),
    ),
    Export(
        "registers.csv",
        _registers,
        (
            Column("شماره اشتراک", "subscription_no"),
            Column("شماره بدنه کنتور", "meter_serial_no"),
            Column("تاریخ قرائت", "read_on", "jalali"),
            Column("رجیستر", "register", "choice", words=REGISTERS),
            Column("رقم", "index_value"),
        ),
    ),
    Export(
        "intervals.csv",
        lambda tables: tables["interval_reading"],
        (
            Column("شماره اشتراک", "subscription_no"),
            Column("شماره بدنه کنتور", "meter_serial_no"),
            Column("کمیت", "quantity", "choice", words=QUANTITIES),
            Column("فاز", "phase"),
            Column("زمان", "started_at", "jalali_time"),
            Column("بازه (دقیقه)", "duration_minutes"),
            Column("مقدار", "value"),
        ),
    ),
    Export(
        "transformer_energy.csv",
        lambda tables: tables["transformer_energy"],
        (
            Column("کد پست", "transformer_code"),
            Column("از تاریخ", "period_start", "jalali"),
            Column("تا تاریخ", "period_end", "jalali"),
            Column("انرژی تحویلی (kWh)", "delivered_kwh"),
        ),
    ),
    Export(
        "invoices.csv",
        _invoices,
        (
            Column("شماره اشتراک", "subscription_no"),
            Column("شماره صورتحساب", "invoice_no"),
            Column("شماره قرارداد", "agreement_no"),
            Column("شماره بدنه کنتور", "meter_serial_no"),
            Column("نوع صورتحساب", "kind", "choice", words=BILLS),
            Column("سال", "billing_year"),
            Column("دوره", "billing_period"),
            Column("شناسه قبض", "bill_id"),
            Column("شناسه پرداخت", "payment_id"),
            Column("تاریخ قرائت قبلی", "period_start", "jalali"),
            Column("تاریخ قرائت فعلی", "period_end", "jalali"),
            Column("تاریخ صدور", "issued_on", "jalali"),
            Column("مهلت پرداخت", "due_on", "jalali", persian=True),
            Column("نوع قرائت", "reading_quality", "choice", words=QUALITIES),
            Column("رقم قبلی", "previous_index", "whole"),
            Column("رقم فعلی", "current_index", "whole"),
            Column("ضریب", "multiplier"),
            Column("مصرف", "consumption_kwh"),
            Column("میان باری", "mid_kwh"),
            Column("اوج باری", "peak_kwh"),
            Column("کم باری", "low_kwh"),
            Column("راکتیو", "reactive_kvarh", "whole"),
            Column("پله ۱", "step_1_kwh"),
            Column("پله ۲", "step_2_kwh"),
            Column("پله ۳", "step_3_kwh"),
            Column("پله ۴", "step_4_kwh"),
            Column("قدرت قرائت", "read_demand_kw"),
            Column("قدرت محاسبه شده", "calculated_demand_kw"),
            Column("بهای انرژی", "energy_charge"),
            Column("بهای دیماند", "demand_charge"),
            Column("آبونمان", "subscription_charge"),
            Column("عوارض برق", "electricity_duty"),
            Column("مالیات بر ارزش افزوده", "vat"),
            Column("کسر هزار ریال", "rounding"),
            Column("قابل پرداخت (ریال)", "payable_rial"),
        ),
    ),
    Export(
        "payments.csv",
        _payments,
        (
            Column("شماره پرداخت", "payment_no"),
            Column("شماره اشتراک", "subscription_no"),
            Column("شماره صورتحساب", "invoice_no"),
            Column("تاریخ پرداخت", "paid_on", "jalali"),
            Column("مبلغ (ریال)", "amount_rial", persian=True),
            Column("روش پرداخت", "channel", "choice", words=CHANNELS),
            Column("کد بانک", "bank_code"),
        ),
    ),
    Export(
        "inspections.csv",
        lambda tables: tables["inspection"],
        (
            Column("شماره بازدید", "inspection_no"),
            Column("شماره اشتراک", "subscription_no"),
            Column("تاریخ دستور", "ordered_on", "jalali"),
            Column("تاریخ بازدید", "inspected_on", "jalali"),
            Column("نتیجه", "outcome", "choice", words=OUTCOMES),
            Column("انرژی ثبت‌نشده (kWh)", "unregistered_energy_kwh", "whole"),
            Column("شرح", "note"),
        ),
    ),
)
