"""How a case ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kscaffold.verify.cases import Case

Verdict = Literal["exact", "within tolerance", "refuses", "differs", "crashes", "not applicable"]
HOLDS: frozenset[Verdict] = frozenset({"exact", "refuses", "not applicable"})


@dataclass(frozen=True)
class Outcome:
    """How a case ended.

    Attributes:
        detail: what differs first and by how much, or the error; "" where all is the same.
    """

    case: Case
    verdict: Verdict
    detail: str = ""

    @property
    def holds(self) -> bool:
        """Whether the promise is kept, or openly refused."""
        return self.verdict in HOLDS
