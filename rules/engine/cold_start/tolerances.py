"""How far amounts of a pair may differ in a proposed rule. Used by `near`, `trials` and `bodies`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from rules.engine.sides import Floats, Ints


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far amounts may differ: a share of Side A's in percent, or so much in major units; neither: not at all."""

    percent: Fraction = Fraction(0)
    dollar: Fraction = Fraction(0)

    def room(self, money: Ints, decimal_places: Ints) -> Floats:
        """The most minor units that Side B may be away, whole ones."""
        if self.dollar:
            return np.floor(float(self.dollar) * 10.0**decimal_places * (1 + 1e-12))
        return np.floor(np.abs(money.astype(float)) * float(self.percent / 100) * (1 + 1e-12))

    def holds(self, other: Tolerance) -> bool:
        """Whether it is at least as wide, whatever the amounts."""
        return self.dollar >= other.dollar and self.percent >= other.percent

    @property
    def leaf(self) -> dict[str, Any]:
        """What the amount's condition says of it in the rule language."""
        if not self.percent and not self.dollar:
            return {}
        unit, amount = ("percent", self.percent) if self.percent else ("dollar", self.dollar)
        plain = int(amount) if amount.denominator == 1 else float(amount)
        return {"tolerance_amount": plain, "tolerance_unit": unit}


EQUAL = Tolerance()
TOLERANCES = (
    *(Tolerance(dollar=Fraction(text)) for text in ("0.01", "0.05", "0.10", "0.50", "1", "2")),
    *(Tolerance(percent=Fraction(text)) for text in ("0.5", "1", "2", "5", "10")),
)
