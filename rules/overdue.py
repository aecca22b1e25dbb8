"""When open items are overdue: what a reconciliation's policy says, and the instant that it gives for a day. Pure; read by
intake, by changes of records and by the recompute of a changed policy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

import polars as pl

from organizations.holidays import holidays_known, public_holidays_of

AFTER_DAYS_MAX = 3_660
"""Ten years: more is a slip of the hand."""
FIRST_DAY, LAST_DAY = date(1, 1, 2), date(9999, 12, 30)
"""What can be said in every time zone. A day beyond is taken to be the last one."""
INSTANT = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class OverduePolicy:
    """An item is overdue at 00:00, by the clock of `zone`, of the day that is `after_days` days after its counting date or
    after `since`, whichever is later. Business days are all but the `weekend` (1 is Monday), the `holidays`, and the public
    holidays of the `country` or of its part."""

    after_days: int
    zone: str
    since: date | None = None
    value_date: bool = False
    business_days: bool = False
    weekend: tuple[int, ...] = (6, 7)
    holidays: tuple[date, ...] = ()
    country: str = ""
    subdivision: str = ""


def policy_digest(policy: OverduePolicy) -> str:
    """Equal for policies that give every day the same instant. A newer release of the public holidays may know other days."""
    said = asdict(policy) | {"known": holidays_known() if policy.business_days and policy.country else ""}
    return sha256(json.dumps(said, default=str, sort_keys=True).encode()).hexdigest()


def counting_dates(policy: OverduePolicy, records: pl.DataFrame) -> pl.Series:
    """From which day each record counts: its date; or its value date, where the policy says so and it has one."""
    if policy.value_date and "value_date" in records.columns:
        return records.select(pl.coalesce("value_date", "date").alias("day"))["day"]
    return records["date"].alias("day")


def overdue_instants(policy: OverduePolicy, days: pl.Series) -> pl.Series:
    """When a record that counts from each of these days is overdue. Days are few, however many the records."""
    table = _by_day(policy, days.unique())
    return days.to_frame("day").join(table, on="day", how="left", maintain_order="left")["overdue_at"]


def overdue_by_day(policy: OverduePolicy, days: Iterable[date]) -> dict[date, datetime]:
    """The same as a table, for SQL and for one record."""
    table = _by_day(policy, pl.Series("day", sorted(set(days)), dtype=pl.Date))
    return dict(table.iter_rows())


def _by_day(policy: OverduePolicy, days: pl.Series) -> pl.DataFrame:
    since = max(policy.since or FIRST_DAY, FIRST_DAY)
    from_day = pl.col("day").clip(lower_bound=since)
    table = pl.DataFrame({"day": days}).with_columns(from_day.alias("from"))
    holidays = _holidays(policy, table["from"])
    table = table.with_columns(due=_after(policy, pl.col("from"), holidays).clip(upper_bound=LAST_DAY))
    zone = ZoneInfo(policy.zone)
    instants = [_midnight(day, zone) for day in table["due"].to_list()]
    return table.select("day", pl.Series("overdue_at", instants, dtype=INSTANT))


def _holidays(policy: OverduePolicy, days: pl.Series) -> list[date]:
    """Those listed, and the public ones of every year that a count from one of these days may reach."""
    if not (policy.business_days and policy.country):
        return list(policy.holidays)
    weeks = policy.after_days // (7 - len(set(policy.weekend))) + 1
    reach = weeks * 7 // 365 + 2  # holidays lengthen it by less than a year in ten
    reach += reach // 5
    years = {year + more for year in days.dt.year().unique().to_list() for more in range(-1, reach + 1)}
    return sorted({*policy.holidays, *public_holidays_of(policy.country, policy.subdivision, years)})


def _after(policy: OverduePolicy, day: pl.Expr, holidays: list[date]) -> pl.Expr:
    if not policy.business_days:
        return day + pl.duration(days=policy.after_days)
    if policy.after_days == 0:
        return day  # whatever day it is
    week = [number not in policy.weekend for number in range(1, 8)]
    # From a day that is none the count starts at the business day before it: the next one is the first.
    return day.dt.add_business_days(policy.after_days, week_mask=week, holidays=holidays, roll="backward")


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """00:00 of the day. Where the clock is put back over it, the first of the two; where it is put forward over it, the
    moment that 00:00 would have been, which is when the day begins (fold=0: PEP 495)."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
