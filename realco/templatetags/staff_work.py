"""The template tag by which the staff's first page asks what waits."""

from django import template
from django.template import RequestContext

from realco.models import User
from realco.staff.work import Work, waiting_for

register = template.Library()


@register.simple_tag(takes_context=True)
def work_waiting(context: RequestContext) -> list[Work]:
    """Return what waits for the person signed in; nothing for somebody who is not."""
    user = context.get("user")
    return waiting_for(user) if isinstance(user, User) and user.is_staff else []
