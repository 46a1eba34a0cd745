"""An audit: one metric against a panel, where it is blind and where it sees what the others do not."""

from madcore.audit.flaws import Finding, find_flaws
from madcore.audit.planning import plan_audit
from madcore.audit.view import describe_audit

__all__ = ["Finding", "describe_audit", "find_flaws", "plan_audit"]
