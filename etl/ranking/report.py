"""The page of a backtest that a manager reads: three plots, what they mean, and the tables, in Persian and English."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final

from tarazu.errors import StorageError
from tarazu.text import format_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_STYLE: Final = """
body { font-family: Vazirmatn, Tahoma, "Segoe UI", sans-serif; color: #222; max-width: 70rem; margin: 2rem auto;
  padding: 0 1rem; line-height: 1.7 }
section { display: grid; grid-template-columns: 1fr 1fr; gap: 0 2.5rem; margin: 1.5rem 0; align-items: start }
section > .wide { grid-column: 1 / -1; text-align: center }
svg { max-width: 100%; height: auto }
h1, h2 { line-height: 1.4; margin: .3rem 0 } h2 { font-size: 1.15rem; color: #0b6e4f }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
th, td { border-bottom: 1px solid #ddd; padding: .25rem .6rem; text-align: end } th:first-child, td:first-child { text-align: start }
th { background: #f2f5f3 } .note { background: #fff6e5; border-inline-start: 4px solid #e0a100; padding: .4rem .8rem }
.big { font-size: 1.8rem; font-weight: 600; color: #0b6e4f }
@media (max-width: 50rem) { section { grid-template-columns: 1fr } }
"""

_COLUMNS: Final = (
    ("what", "چه"),
    ("flagged", "نشان‌شده"),
    ("hit rate", "نرخ یافتن"),
    ("95 % interval", "بازهٔ ۹۵٪"),
    ("lift", "برتری"),
    ("recall", "سهم از همهٔ زیان‌ها"),
    ("money, million rial", "پول، میلیون ریال"),
)
_PART_COLUMNS: Final = (
    ("part", "بخش"),
    ("points", "نقاط"),
    ("losses", "زیان‌ها"),
    ("area under ROC", "سطح زیر منحنی"),
    ("average precision", "میانگین دقت"),
    ("recall in the best tenth", "سهم یافته در دهک بالا"),
)


def write_report(path: Path, result: dict[str, Any]) -> None:
    """Raises StorageError where the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_text(page(result), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise StorageError(
            f"The report {path} cannot be written: {error}.", mend="Give another place with --report."
        ) from error


def page(result: dict[str, Any]) -> str:
    """The whole HTML page."""
    body = [_headline(result)]
    if result["undated"]:
        body.append(_undated(result))
    if result["message"]:
        body.append(
            _both(
                f'<p class="note">{html.escape(result["message"])}</p>',
                '<p class="note">نتیجهٔ بازرسی‌ها برای آموزش بس نیست؛ تا آن زمان اولویت قاعده‌ها ترتیب را می‌دهد.</p>',
            )
        )
    else:
        body.append(_plots(result))
        body.append(_table("The ranking", "رتبه‌بندی", result["ranking"]))
    body.append(_table("Rule by rule", "قاعده به قاعده", result["rules"]))
    body.append(_parts(result["parts"]))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tarazu backtest</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _headline(result: dict[str, Any]) -> str:
    base = result["hits"] / max(1, result["points"])
    when_en = f" as of {result['as_of']}" if result["as_of"] else ""
    made_en = (
        f"<h1>What the rules and the ranking would have found{when_en}</h1><p>Held against {result['points']:,} "
        f"points with a known outcome, of which {result['hits']:,} had a loss ({base:.1%}).</p>"
    )
    made_fa = (
        "<h1>قاعده‌ها و رتبه‌بندی چه می‌یافتند</h1>"
        f"<p>در برابر {_fa(result['points'])} نقطه با نتیجهٔ معلوم، که {_fa(result['hits'])} تای آن‌ها زیان داشت "
        f"({_fa(base * 100, 1)}٪).</p>"
    )
    if result["ranking"]:
        best = next((row for row in result["ranking"] if row["flagged"] == 500), result["ranking"][0])
        made_en += (
            f'<p><span class="big">{best["hit_rate"]:.0%}</span> of the first {best["flagged"]:,} visits find a '
            f"loss; visits by chance find {base:.1%}.</p>"
        )
        made_fa += (
            f'<p><span class="big">{_fa(best["hit_rate"] * 100)}٪</span> از {_fa(best["flagged"])} بازدید نخست زیان '
            f"می‌یابند؛ بازدید تصادفی {_fa(base * 100, 1)}٪.</p>"
        )
    return _both(made_en, made_fa)


def _undated(result: dict[str, Any]) -> str:
    clean_en = (
        " Points without an inspection count as clean, so some 'false alarms' may be losses that nobody has found yet."
        if result["uninspected"] == "clean"
        else ""
    )
    clean_fa = (
        " نقطه‌های بازرسی‌نشده پاک شمرده شده‌اند، پس برخی «هشدارهای نابه‌جا» شاید زیان‌هایی باشند که هنوز کسی نیافته است."
        if result["uninspected"] == "clean"
        else ""
    )
    return _both(
        f'<p class="note">{result["undated"]:,} outcomes have no day. They are judged by the whole history, also by '
        f"what may have followed the visit, such as a new meter: the figures flatter.{clean_en}</p>",
        f'<p class="note">{_fa(result["undated"])} نتیجه روز ندارد و با همهٔ سابقه سنجیده می‌شود، حتی با آنچه شاید پس از '
        f"بازدید آمده است، مانند کنتور تازه؛ پس رقم‌ها خوش‌بینانه‌اند.{clean_fa}</p>",
    )


def _plots(result: dict[str, Any]) -> str:
    from etl.ranking import plots

    texts = (
        (
            plots.gains(result),
            "How many losses are found",
            "The steeper the line begins, the more losses the first visits find. The dashed line is visiting by chance.",
            "چند درصد زیان‌ها یافته می‌شود",
            "هر چه خط در آغاز تندتر باشد، بازدیدهای نخست زیان بیشتری می‌یابند. خط‌چین بازدید تصادفی است.",
        ),
        (
            plots.precision(result),
            "How often a visit is worth it",
            "For a number of visits (below), the share that finds a loss.",
            "چند بازدید به نتیجه می‌رسد",
            "برای هر شمار بازدید (پایین نمودار)، سهمی که زیان می‌یابد.",
        ),
        (
            plots.calibration(result),
            "Whether the probabilities are to be believed",
            "Points on the dashed line keep what was promised: of those with 30 %, three in ten have a loss.",
            "آیا احتمال‌ها باورکردنی‌اند",
            "نقطه‌های روی خط‌چین به وعدهٔ خود وفا می‌کنند: از آن‌ها که ۳۰٪ دارند، سه تا از ده تا زیان دارند.",
        ),
    )
    return "".join(
        f'<section><div lang="en"><h2>{en}</h2><p>{said_en}</p></div>'
        f'<div lang="fa" dir="rtl"><h2>{fa}</h2><p>{said_fa}</p></div><div class="wide">{svg}</div></section>'
        for svg, en, said_en, fa, said_fa in texts
    )


def _table(title_en: str, title_fa: str, rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return _both(
            f"<h2>{title_en}</h2><p>Nothing was flagged among the points with an outcome.</p>",
            f"<h2>{title_fa}</h2><p>در میان نقطه‌های با نتیجهٔ معلوم چیزی نشان نشده است.</p>",
        )
    made = [
        [
            row["name"],
            f"{row['flagged']:,}",
            f"{row['hit_rate']:.1%}",
            f"{row['low']:.1%} – {row['high']:.1%}",
            f"{row['lift']:.1f}",
            f"{row['recall']:.1%}",
            f"{row['money_rial'] / 1e6:,.0f}",
        ]
        for row in rows
    ]
    return _both(f"<h2>{title_en}</h2>", f"<h2>{title_fa}</h2>") + _grid(_COLUMNS, made)


def _parts(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return ""
    made = [
        [
            f"{row['by']}: {row['name']}",
            f"{row['quality']['points']:,}",
            f"{row['quality']['hits']:,}",
            f"{row['quality']['area']:.3f}",
            f"{row['quality']['average_precision']:.3f}",
            f"{row['quality']['recall_top_tenth']:.1%}",
        ]
        for row in rows
    ]
    return _both(
        "<h2>By class, district and length of history</h2>", "<h2>به تفکیک گروه، ناحیه و درازای سابقه</h2>"
    ) + _grid(_PART_COLUMNS, made)


def _grid(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th>{en}<br><bdi lang="fa" dir="rtl">{fa}</bdi></th>' for en, fa in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _both(en: str, fa: str) -> str:
    return f'<section><div lang="en">{en}</div><div lang="fa" dir="rtl">{fa}</div></section>'


def _fa(value: float, decimals: int = 0) -> str:
    return format_number(value, "fa", decimals=decimals)
