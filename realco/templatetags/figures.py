"""Template filters for figures: money, rates, days and statuses, written one way on every page."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.db.models import Model
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from realco.money import format_money

register = template.Library()


@register.filter
def money(amount: Decimal | None) -> str:
    """Write an amount as "$1,234.50"; an absent one as a dash."""
    return "–" if amount is None else format_money(amount)


@register.filter
def signed_money(amount: Decimal) -> str:
    """Write an amount with its sign, plus included: "+$1,234.50", "−$50.00"."""
    return f"+{format_money(amount)}" if amount > 0 else format_money(amount).replace("-", "−")


@register.filter
def percent(rate: Decimal) -> str:
    """Write a fraction as a percentage without needless zeros: 0.080000 as "8%"."""
    hundredths = (rate * 100).normalize()
    return f"{hundredths:f}%"


@register.filter
def day(moment: date | datetime | None) -> str:
    """Write a day as "Mar 5, 2026"; a moment by its day in the page's time zone; nothing as a dash."""
    if moment is None:
        return "–"
    shown = timezone.localtime(moment) if isinstance(moment, datetime) else moment
    return f"{shown:%b} {shown.day}, {shown.year}"


@register.filter
def day_and_time(moment: datetime | None) -> str:
    """Write a moment as "Mar 5, 2026, 14:30"; nothing as a dash."""
    return "–" if moment is None else f"{day(moment)}, {timezone.localtime(moment):%H:%M}"


@register.filter
def badge(row: Model, field: str = "status") -> SafeString:
    """Show a row's status in words, in the tone that ``tokens.css`` gives it."""
    words: Any = getattr(row, f"get_{field}_display")()
    return format_html('<span class="badge" data-status="{}">{}</span>', getattr(row, field), words)
