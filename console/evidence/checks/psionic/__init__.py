"""The old system's retained documents: read, recomputed, and told apart from what they did not prove."""

from console.evidence.checks.psionic.check import check_psionic
from console.evidence.checks.psionic.verdict import PsionicVerdict

__all__ = ["PsionicVerdict", "check_psionic"]
