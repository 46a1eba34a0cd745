"""What a received match is worth: every file measured again, each judged by its own tolerance."""

from madcore.verification.check import Check
from madcore.verification.matches import verify_match, verify_store

__all__ = ["Check", "verify_match", "verify_store"]
