"""The groups of staff, and what each may do (realco/permissions.py)."""

from django.contrib.auth.models import Group, Permission

from realco import audit
from realco.permissions import GROUPS


class PermissionUnknown(Exception):
    """A group is to hold a permission that no app defines: a defect."""


def seed() -> list[Group]:
    """Give every group exactly its permissions, making it if need be; twice changes nothing."""
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    groups = []
    with audit.acting("groups.seed"):
        for name, wanted in GROUPS.items():
            if missing := set(wanted) - known.keys():
                raise PermissionUnknown(", ".join(sorted(missing)))
            group, _ = Group.objects.get_or_create(name=name)
            group.permissions.set([known[permission] for permission in wanted])
            groups.append(group)
    return groups
