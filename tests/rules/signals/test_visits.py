"""Signals from what visits found: plain definitions of one point."""

from __future__ import annotations

import bisect
import math
import statistics

from rules.batch import EVENT_KINDS, OUTCOMES, TAMPER_EVENTS

THEFT = OUTCOMES.index("theft")


def thefts(point, batch):
    """Visits that found theft, in the order of a batch; the first of those of the newest day counts as the newest."""
    visits = sorted(point.visits, key=lambda v: (v.day, v.outcome, v.note))
    return [visit for visit in visits if visit.outcome == THEFT and visit.day <= batch.as_of]


def test_confirmed_theft_is_what_it_says(agrees):
    def definition(point, batch):
        found = thefts(point, batch)
        if not found:
            return None
        day = max(visit.day for visit in found)
        newest = next(visit for visit in found if visit.day == day)
        same_day = len([v for v in found if (v.day, v.note) == (day, newest.note)]) > 1
        kwh = 0.0 if math.isnan(newest.unregistered_kwh) else newest.unregistered_kwh
        return {
            "days_ago": batch.as_of - day,
            "visits": len(found),
            # Two visits of one day with one note have no order among them.
            "unregistered_kwh": math.nan if same_day else kwh,
            "since": day,
            "until": batch.as_of,
        }

    agrees("confirmed_theft", definition, examples=200)


def test_fall_after_theft_is_what_it_says(agrees, months_of):
    def definition(point, batch):
        months, found = months_of(point, batch), thefts(point, batch)
        if not found or not months.current:
            return None
        day = found[-1].day
        month = bisect.bisect_right(months.starts, day) - 1
        if not 0 <= month < len(months.daily) or month + 6 > months.last:
            return None
        corrected = months.daily[month + 1 : month + 4]
        now = months.window(3, 1)
        if any(map(math.isnan, corrected + now)) or sum(corrected) == 0:
            return None
        before, after = statistics.fmean(corrected), statistics.fmean(now)
        return {
            "fall_percent": (1 - after / before) * 100,
            "corrected_daily_kwh": before,
            "now_daily_kwh": after,
            "lost_kwh": max(before - after, 0) * 3 * 365.25 / 12,
            "since": day,
            "until": months.starts[months.last + 1],
        }

    agrees("fall_after_theft", definition, examples=300)


def test_tamper_after_theft_is_what_it_says(agrees):
    def definition(point, batch):
        found = thefts(point, batch)
        if not found:
            return None
        day = found[-1].day
        after = sorted(
            when
            for when, kind in point.events
            if day < when <= batch.as_of and EVENT_KINDS[kind] in TAMPER_EVENTS
        )
        if not after:
            return None
        return {"events": len(after), "days_after": after[0] - day, "since": day, "until": after[-1]}

    agrees("tamper_after_theft", definition, examples=300)


def test_note_words_are_those_of_the_site_without_their_innocent_phrases(agrees, site):
    def definition(point, batch):
        hits = []
        for visit in point.visits:
            text, words = visit.note, 0
            for one in site.note_words:
                left = text
                for phrase in one.innocent:
                    left = left.replace(phrase, " ")
                words += one.word in left
            if words and visit.outcome != THEFT and visit.day <= batch.as_of:
                hits.append((visit.day, words))
        if not hits:
            return None
        newest = max(day for day, _ in hits)
        return {
            "notes": len(hits),
            "words": sum(words for _, words in hits),
            "days_ago": batch.as_of - newest,
            "lost_kwh": 0.0,  # no peers are known here
            "since": newest,
            "until": batch.as_of,
        }

    agrees("note_words", definition, examples=200)


def test_transformer_loss_is_that_of_the_points_own_transformer(agrees):
    def definition(point, batch):
        losses = batch.losses
        if losses is None or point.transformer_id not in losses.transformer_id:
            return None
        at = losses.transformer_id.tolist().index(point.transformer_id)
        percent, lost = losses.non_technical_loss_percent[at], losses.lost_kwh[at]
        if math.isnan(percent) or not lost > 0:
            return None
        return {
            "non_technical_loss_percent": percent,
            "lost_kwh": lost,
            "explained_percent": losses.explained_kwh[at] / lost * 100,
            "since": batch.as_of,
        }

    agrees("transformer_loss", definition)


def test_an_expired_licence_counts_for_production_alone(agrees, months_of, site):
    def definition(point, batch):
        days = batch.as_of - point.licence_expires_on
        months = months_of(point, batch)
        now = months.window(3, 1)
        known = point.licence_expires_on > -(2**31) + 1
        if not known or days <= 0 or point.tariff_class not in (2, 3):
            return None
        if not months.current or any(map(math.isnan, now)):
            return None
        daily = statistics.fmean(now)
        prices = site.energy_price_rial_per_kwh
        return {
            "days": days,
            "daily_kwh": daily,
            "difference_rial": round(daily * min(days, 365) * max(prices[4] - prices[point.tariff_class], 0)),
            "since": point.licence_expires_on,
            "until": batch.as_of,
        }

    agrees("expired_licence", definition, examples=300)
