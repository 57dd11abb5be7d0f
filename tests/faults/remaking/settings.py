"""Our settings and one app more, for the programs that run its migration."""

from realco import settings

globals().update({name: value for name, value in vars(settings).items() if name.isupper()})
INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.faults.remaking"]
