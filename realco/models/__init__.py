from realco.models.audit_events import AuditEvent
from realco.models.offerings import Offering
from realco.models.organizations import Organization
from realco.models.sandbox_clock import SandboxClock
from realco.models.users import User

__all__ = ["AuditEvent", "Offering", "Organization", "SandboxClock", "User"]
