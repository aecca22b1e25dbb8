"""Django's settings. Each variable it reads is listed, with its meaning, in .env.example."""

import sys
from datetime import timedelta
from pathlib import Path

import environ
import structlog
from django.utils.translation import gettext_lazy as _

from config.env import env_bool, env_choice, env_int, env_list, env_path, env_required, env_text, env_url
from config.unfold import UNFOLD as UNFOLD  # the admin's theme

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Essentials -----------------------------------------------------------------------------------------------

SECRET_KEY = env_required("SECRET_KEY")
DEBUG = env_bool("DEBUG", default=False)
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", default="localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # before the admin, whose templates it replaces; Basic: it leaves the site class to us
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.apps.TieoutAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "axes",
    "django_structlog",
    "django_prometheus",
    "organizations",
    "ledgers",
    "rules",
    "reconciliation",
    "exceptions_app",
    "exports",
    "api",
    "config.apps.WiringConfig",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.security.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "organizations.middleware.StorableAddressMiddleware",
    "organizations.middleware.PersonalTimeMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "axes.middleware.AxesMiddleware",  # last, as its documentation asks: it answers a locked-out login
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # the API's paths are exact; the admin's own catch-all redirects there
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
            ]
        },
    }
]

# --- Database -------------------------------------------------------------------------------------------------

_database_url = env_url("DATABASE_URL", schemes=("postgres", "postgresql"))
DATABASES = {
    "default": {
        **environ.Env.db_url_config(_database_url),
        "CONN_MAX_AGE": 60,  # seconds. One connection per thread; a psycopg pool would not survive Celery's fork
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,  # `organizations.acts.perform` is the one outermost transaction
    }
}
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("application_name", "tieout")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People ---------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "organizations.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # refuses after too many failures, before the password is looked at
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AXES_FAILURE_LIMIT = env_int("TIEOUT_LOGIN_FAILURES_MAX", default=10, at_least=1)
AXES_COOLOFF_TIME = 1 / 60  # hours: one minute, so that a locked-out person waits, and a guesser gets nowhere
AXES_LOCKOUT_PARAMETERS = [["ip_address", "username"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

# --- Transport security: strict unless DEBUG, or TIEOUT_HTTPS says that only plain HTTP is spoken -----------------

HTTPS = env_bool("TIEOUT_HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health$", r"^ready$"]  # probes of a load balancer speak HTTP
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
if env_bool("TIEOUT_BEHIND_TLS_PROXY", default=False):
    # Only behind a proxy that sets this header itself and drops what the client sent.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Language and time ----------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = [
    "config.formats"
]  # days as 2026-03-31: no other form is both shown and read without a doubt
TIME_ZONE = "UTC"

# --- Files ----------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = (
    env_text("TIEOUT_STATIC_ROOT", default="") or None
)  # only for collectstatic behind a front server
WHITENOISE_USE_FINDERS = True  # served from the packages themselves: no collectstatic step to forget
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    # Received files, named by their SHA-256 (ledgers writes them): web and workers must share this folder.
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": env_path("TIEOUT_STORAGE_ROOT", default=BASE_DIR / ".tieout" / "storage")},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# --- Limits and waits -----------------------------------------------------------------------------------------

UPLOAD_MAX_BYTES = env_int("TIEOUT_UPLOAD_MAX_MB", default=100, at_least=1) * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["organizations.backoffice.uploads.LimitedUpload"]  # forms; the API has its own
DATA_UPLOAD_MAX_NUMBER_FILES = (
    500  # at once, on the import page: half a year of daily statements of several accounts
)
DATA_UPLOAD_MAX_MEMORY_SIZE = (
    env_int("TIEOUT_REQUEST_MAX_MB", default=50, at_least=1) * 1024 * 1024
)  # files not counted
MATCH_WAIT_SECONDS = env_int("TIEOUT_MATCH_WAIT_SECONDS", default=20)
LOCK_TIMEOUT_SECONDS = env_int("TIEOUT_LOCK_TIMEOUT_SECONDS", default=5, at_least=1)
CHUNK_GROUPS = env_int("TIEOUT_CHUNK_GROUPS", default=10_000, at_least=1)
AUTOMATIC_DEBOUNCE_SECONDS = env_int("TIEOUT_AUTOMATIC_DEBOUNCE_SECONDS", default=2, at_least=0)
PASS_LOST_AFTER_SECONDS = env_int("TIEOUT_LOST_AFTER_SECONDS", default=30, at_least=1)

# --- Background work ------------------------------------------------------------------------------------------

CELERY_BROKER_URL = env_url("BROKER_URL", schemes=("redis", "rediss", "valkey", "valkeys"))
CELERY_BROKER_URL = (
    CELERY_BROKER_URL.replace("valkey", "redis", 1) if CELERY_BROKER_URL[0] == "v" else CELERY_BROKER_URL
)
# Before every key of ours in the broker, so that several installations (and test runs) can share one.
_queue_prefix = env_text("TIEOUT_QUEUE_PREFIX", default="tieout:")
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": _queue_prefix,
    # A message that no worker has finished after this many seconds goes to another one. Longer tasks are fine: they
    # claim their job's row with a heartbeat, and drop a second delivery of work that is alive.
    "visibility_timeout": env_int("TIEOUT_VISIBILITY_TIMEOUT_SECONDS", default=30, at_least=1),
    # Look for such messages every 2 s and at each look (kombu's defaults, 10 s and every tenth look, make it minutes),
    # and let a worker that died while looking hold up the others for 10 s, not 5 minutes.
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 10,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True  # PostgreSQL holds the truth: every job has a row
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # LOGGING below holds in workers too
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True
# Beat writes these into its tables at its start; people change them in admin.
CELERY_BEAT_SCHEDULE = {
    "Say that beat and a worker are alive": {
        "task": "organizations.tasks.note_heartbeat",
        "schedule": timedelta(seconds=30),
    },
    "Ring again for what a dead worker left": {
        "task": "reconciliation.tasks.requeue_lost",
        "schedule": timedelta(seconds=10),
    },
    "See what is overdue, and open, reopen and resolve its exceptions": {
        "task": "exceptions_app.tasks.sweep_overdue",
        "schedule": timedelta(minutes=1),
    },
    "Forget old sweeps that changed nothing": {
        "task": "exceptions_app.tasks.forget_sweeps",
        "schedule": timedelta(hours=1),
    },
    "Ring again for investigations that a dead worker left": {
        "task": "exceptions_app.tasks.requeue_lost_investigations",
        "schedule": timedelta(seconds=15),
    },
    "Seal the audit trail": {"task": "organizations.tasks.seal_audit", "schedule": timedelta(seconds=15)},
    "Look for rules where records wait and there is none": {
        "task": "reconciliation.tasks.propose_rules_where_needed",
        "schedule": timedelta(minutes=15),
    },
    "Count overdue days anew where a calendar or time zone was changed": {
        "task": "reconciliation.tasks.follow_calendars",
        "schedule": timedelta(minutes=1),
    },
    "Forget old idempotency keys": {
        "task": "organizations.tasks.expire_idempotency_keys",
        "schedule": timedelta(hours=1),
    },
}

# Counts requests for the limits, across processes and machines; in the broker, which all of them reach.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CELERY_BROKER_URL,
        "KEY_PREFIX": f"{_queue_prefix}cache",
    }
}

# --- API ------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.shared.authentication.KeyAuthentication",
        "api.shared.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.shared.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.shared.parsing.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "api.shared.schema.SurfaceSchema",
    "DEFAULT_THROTTLE_RATES": {  # per caller
        "uploads": env_text("TIEOUT_THROTTLE_UPLOADS", default="60/min"),
        "explain": env_text("TIEOUT_THROTTLE_EXPLAIN", default="60/min"),
        "combinations": env_text("TIEOUT_THROTTLE_COMBINATIONS", default="60/min"),
        "tokens": env_text("TIEOUT_THROTTLE_TOKENS", default="20/min"),
    },
    "NUM_PROXIES": env_int("TIEOUT_PROXIES", default=0),  # how many proxies of ours add to X-Forwarded-For
    "EXCEPTION_HANDLER": "api.shared.errors.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tieout",
    "DESCRIPTION": "Reconciliation: what the books say against what the outside world says.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "",
    "PATH_CONVERTER_OVERRIDES": {"id": {"type": "string", "format": "uuid"}},
    "POSTPROCESSING_HOOKS": ["api.shared.schema.describe"],
    "SWAGGER_UI_DIST": "SIDECAR",  # served by us: nothing loads from outside hosts
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Logs: one JSON object per line on standard error -----------------------------------------------------------

_shared_processors: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_shared_processors,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(default=str),
            ],
            "foreign_pre_chain": _shared_processors,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "json"}},
    "root": {
        "handlers": ["stderr"],
        "level": env_choice("LOG_LEVEL", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR")),
    },
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}
DJANGO_STRUCTLOG_CELERY_ENABLED = True
