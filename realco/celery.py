"""The Celery application: broker from the environment, tasks from each app's tasks module."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")

app = Celery("realco")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
