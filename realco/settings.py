"""
RealCo's settings: one file, everything from the environment, refusing to start in words.

``REALCO_MODE`` is development, test or production. Development and test have defaults marked
insecure and live in the sandbox; production has neither, and says which variable is missing.
"""

import sys
from datetime import timedelta
from pathlib import Path

import environ
from celery.schedules import crontab
from csp.constants import SELF
from django.core.exceptions import ImproperlyConfigured

from realco import patience
from realco.keys import PROOF_SIGNING, parse_keys

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

MODE = env.str("REALCO_MODE", "development")
if MODE not in {"development", "test", "production"}:
    raise ImproperlyConfigured(f"REALCO_MODE is “{MODE}”; it must be development, test or production.")
PRODUCTION = MODE == "production"
SANDBOX = not PRODUCTION

_INSECURE = {
    "SECRET_KEY": "insecure-development-secret-key-never-used-in-production",
    "FIELD_ENCRYPTION_KEYS": "dev:aW5zZWN1cmUtZGV2ZWxvcG1lbnQta2V5LTMyLWJ5dGU=",
    "PROOF_SIGNING_KEYS": "dev:aW5zZWN1cmUtZGV2ZWxvcG1lbnQtcHJvb2Ytc2VlZCE=",
    "SANDBOX_WEBHOOK_SECRET": "insecure-development-webhook-secret",
    "DATABASE_URL": "postgres://realco@127.0.0.1:5432/realco",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
}
_SANDBOX_ONLY = {"SANDBOX_WEBHOOK_SECRET"}


def required(name: str) -> str:
    """
    Return a variable that production must be given.

    :raises ImproperlyConfigured: in production, if it is missing or still the insecure default
    """
    value: str = env.str(name, "" if PRODUCTION else _INSECURE[name])
    if PRODUCTION and name not in _SANDBOX_ONLY:
        if not value:
            raise ImproperlyConfigured(f"{name} is not set. Production mode does not start without it.")
        if value == _INSECURE[name] or "insecure" in value:
            raise ImproperlyConfigured(f"{name} is the insecure development default. Set one of your own.")
    return value


SECRET_KEY = required("SECRET_KEY")
if PRODUCTION and len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("SECRET_KEY is shorter than 50 characters. Set a long random one.")
FIELD_ENCRYPTION_KEYS = parse_keys(required("FIELD_ENCRYPTION_KEYS"))
if PRODUCTION and set(FIELD_ENCRYPTION_KEYS.values()) & set(parse_keys(_INSECURE["FIELD_ENCRYPTION_KEYS"]).values()):
    raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS holds the insecure development key. Set keys of your own.")
PROOF_SIGNING_KEYS = parse_keys(required("PROOF_SIGNING_KEYS"), of=PROOF_SIGNING)
if PRODUCTION and set(PROOF_SIGNING_KEYS.values()) & set(
    parse_keys(_INSECURE["PROOF_SIGNING_KEYS"], of=PROOF_SIGNING).values()
):
    raise ImproperlyConfigured("PROOF_SIGNING_KEYS holds the insecure development key. Set keys of your own.")
DEBUG = env.bool("DEBUG", False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG is on. Production mode does not start with it.")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"]
)
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set. Give the host names that RealCo answers to.")

PAYMENT_GATEWAY = env.str("PAYMENT_GATEWAY", "manual" if PRODUCTION else "sandbox")
if PRODUCTION and PAYMENT_GATEWAY == "sandbox":
    raise ImproperlyConfigured("PAYMENT_GATEWAY is sandbox. Production mode moves real money only.")
SANDBOX_WEBHOOK_SECRET = required("SANDBOX_WEBHOOK_SECRET")
SANDBOX_WEBHOOK_URL = env.str("SANDBOX_WEBHOOK_URL", "http://127.0.0.1:8000/webhooks/sandbox")

INSTALLED_APPS = [
    "realco",
    "compliance",
    "escrow",
    "finance",
    "distributions",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "pgtrigger",
    "csp",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "realco.middleware.PatienceMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "realco.middleware.AuditMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "realco.urls"
WSGI_APPLICATION = "realco.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "realco.portal.context.environment",
            ],
        },
    },
]

DATABASES = {"default": env.db_url_config(required("DATABASE_URL"))}
DATABASES["default"].setdefault("CONN_MAX_AGE", env.int("CONN_MAX_AGE", 60))
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Who waits for the database, and how long: see realco/patience.py. The name of the program tells, unless we are told.
PROCESS = env.str("REALCO_PROCESS", patience.process_of(sys.argv[0]))
if PROCESS not in patience.PATIENCE:
    raise ImproperlyConfigured(f"REALCO_PROCESS is “{PROCESS}”; it must be one of {', '.join(patience.PATIENCE)}.")
PATIENCE = patience.Patience(
    lock=env.int("DATABASE_LOCK_TIMEOUT", patience.PATIENCE[PROCESS].lock),
    statement=env.int("DATABASE_STATEMENT_TIMEOUT", patience.PATIENCE[PROCESS].statement),
    idle=env.int("DATABASE_IDLE_TIMEOUT", patience.PATIENCE[PROCESS].idle),
)
if min(PATIENCE.lock, PATIENCE.statement, PATIENCE.idle) < 0 or (PRODUCTION and 0 in (PATIENCE.lock, PATIENCE.idle)):
    raise ImproperlyConfigured(
        "DATABASE_LOCK_TIMEOUT, DATABASE_STATEMENT_TIMEOUT and DATABASE_IDLE_TIMEOUT are whole seconds; in production"
        " the first and the last may not be 0, or one hanging process could hold up all the others for ever."
    )
DATABASES["default"]["OPTIONS"] = {
    **patience.KEEPALIVE,
    "options": PATIENCE.options,
    **DATABASES["default"].get("OPTIONS", {}),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PGTRIGGER_INSTALL_ON_MIGRATE = False

AUTH_USER_MODEL = "realco.User"
LOGIN_URL = "portal:sign_in"
LOGIN_REDIRECT_URL = "portal:dashboard"
LOGOUT_REDIRECT_URL = "portal:sign_in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

if MODE == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / ".realco" / "static"
STATICFILES_DIRS: list[Path] = []
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_MAX_AGE = 31536000 if PRODUCTION else 0
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/api/v1/docs"],
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "style-src": [SELF],
        "script-src": [SELF],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
    SECURE_HSTS_SECONDS = 31536000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

REDIS_URL = required("REDIS_URL")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if MODE != "test"
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "memory://" if MODE == "test" else REDIS_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_connect_timeout": 2, "socket_timeout": 30}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"
_EVERY_FEW_SECONDS = 5.0 if SANDBOX else 60.0
CELERY_BEAT_SCHEDULE = {
    "process queued payments": {"task": "finance.sweep_queued", "schedule": _EVERY_FEW_SECONDS},
    "ask about unknown outcomes": {"task": "finance.sweep_unanswered", "schedule": 60.0},
    "work the retry queue": {"task": "finance.sweep_retries", "schedule": _EVERY_FEW_SECONDS * 2},
    "process stored webhooks": {"task": "finance.sweep_webhooks", "schedule": _EVERY_FEW_SECONDS},
    "clear settled money": {"task": "finance.sweep_clearing", "schedule": _EVERY_FEW_SECONDS * 2},
    "follow distribution payments": {"task": "distributions.sweep", "schedule": _EVERY_FEW_SECONDS},
    "release paid capital calls": {"task": "distributions.sweep_calls", "schedule": 60.0},
    "let holds expire": {"task": "escrow.sweep_holds", "schedule": 60.0},
    "work the refund runs": {"task": "finance.sweep_refunds", "schedule": _EVERY_FEW_SECONDS},
    "alert of overdue refunds": {"task": "finance.alert_overdue_refunds", "schedule": crontab(hour=13, minute=0)},
    "reconcile every escrow account": {"task": "escrow.reconcile_all", "schedule": crontab(hour=6, minute=0)},
    "check the books": {"task": "escrow.check_books", "schedule": crontab(hour=5, minute=0)},
}
if SANDBOX:
    CELERY_BEAT_SCHEDULE["deliver the sandbox bank's webhooks"] = {
        "task": "finance.sweep_sandbox",
        "schedule": 2.0,
    }

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "realco.api.errors.handle",
    "DEFAULT_THROTTLE_RATES": {"create": "100/hour", "get": "1000/hour", "list": "500/hour", "retry": "10/hour"},
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "RealCo API",
    "DESCRIPTION": "Payments, escrow accounts and distributions. Money is a string with two places, in US dollars.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    # They tell of every page and every glyph.
    "loggers": {"weasyprint": {"level": "WARNING"}, "fontTools": {"level": "WARNING"}},
}
