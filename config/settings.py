"""Django settings: one file; installations differ in their environment only (see .env.example)."""

import os
from pathlib import Path

from config import env
from rediskit import connection

BASE_DIR = Path(__file__).resolve().parent.parent

# -- The installation ------------------------------------------------------------------

SECRET_KEY = env.text("SECRET_KEY", min_length=50)
SECRET_KEY_FALLBACKS = env.names("SECRET_KEY_FALLBACKS")
DEBUG = env.boolean("DEBUG", default=False)
PUBLIC_BASE_URL = env.base_url("PUBLIC_BASE_URL")
SECURE = PUBLIC_BASE_URL.startswith("https://")
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", default=("localhost", "127.0.0.1"))
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS", default=(PUBLIC_BASE_URL,))

# Who may open an account, and how many messages a day a new business may send until staff
# approve it: nobody sends at the operator's expense.
REGISTRATION = env.choice("REGISTRATION", "closed", options=("closed", "invite", "open"))
DEFAULT_DAILY_CAP = env.integer("DEFAULT_DAILY_CAP", 0)
# Sign-ups by public forms a day, for a new business.
DEFAULT_SIGNUP_CAP = env.integer("DEFAULT_SIGNUP_CAP", 1000)

# -- Django ----------------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "nfc",
    "campaigns",
    "tracking",
    "messaging",
    "contacts",
    "accounts",
    "rediskit",
    "config.admin_site.TaplineAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "django_ratelimit",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "config.middleware.read_body",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_ratelimit.middleware.RatelimitMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
DATABASES = {
    "default": {
        **env.database("DATABASE_URL"),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # Pages of a list are read by a named cursor only through PgBouncer's session mode.
        "DISABLE_SERVER_SIDE_CURSORS": env.boolean("PGBOUNCER", default=False),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LANGUAGE_CODE = "en"  # of the admin and the API; public pages choose (tracking.pages)
LANGUAGES = [("en", "English"), ("el", "Greek")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # straight from the packages: there is no collectstatic to forget
MEDIA_ROOT = Path(env.text("MEDIA_ROOT", str(BASE_DIR / ".data" / "media")))
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
vars().update(env.email("EMAIL_URL", "consolemail://"))
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Tapline <tapline@localhost>")

# -- Security --------------------------------------------------------------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
# Not no-referrer: browsers then send `Origin: null` with forms, which the CSRF check refuses.
SECURE_REFERRER_POLICY = "same-origin"
if env.boolean("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"

# -- Redis -----------------------------------------------------------------------------

REDIS_URL = connection.cache_url(dict(os.environ))
REDIS_ENABLED = REDIS_URL != connection.DISABLED
LIMITS_REDIS_URL = connection.limits_url(dict(os.environ))
# Whose certificates rediss:// trusts, for cache and broker. Default: the system's.
REDIS_CA_FILE = env.text("REDIS_CA_FILE", "") or None
# The most connections of one process to one server: as many as a web process has threads.
REDIS_POOL_SIZE = env.integer("REDIS_POOL_SIZE", 8, minimum=1)
DJANGO_REDIS_CONNECTION_FACTORY = "rediskit.connection.ConnectionFactory"
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"SERIALIZER": "django_redis.serializers.json.JSONSerializer"},
    }
    if REDIS_ENABLED
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# How long answers are kept, in seconds. Those of a minute at most may lose their invalidation when
# a process dies; that of the others is written down (rediskit.models.Invalidation).
CACHE_TTLS = {
    "default": env.integer("CACHE_TTL_DEFAULT", 30, minimum=1),
    "campaign_list": env.integer("CACHE_TTL_CAMPAIGN_LIST", 20, minimum=1, maximum=60),
    "campaign_stats": env.integer("CACHE_TTL_CAMPAIGN_STATS", 30, minimum=1, maximum=60),
    "dashboard": env.integer("CACHE_TTL_DASHBOARD", 30, minimum=1, maximum=60),
    "profile": env.integer("CACHE_TTL_PROFILE", 600, minimum=1),
    "tags": env.integer("CACHE_TTL_TAGS", 3600, minimum=1),
    "templates": env.integer("CACHE_TTL_TEMPLATES", 3600, minimum=1),
}

# -- Rate limits -----------------------------------------------------------------------

# How many, in how many seconds; docs/rate-limits.md tells what each counts.
RATE_LIMITS = {
    "login:ip": env.rate("RATE_LIMIT_LOGIN_IP", "20/10m"),
    "login:email": env.rate("RATE_LIMIT_LOGIN_EMAIL", "10/10m"),
    "register:ip": env.rate("RATE_LIMIT_REGISTER_IP", "30/10m"),
    "register:email": env.rate("RATE_LIMIT_REGISTER_EMAIL", "10/10m"),
    "reset:ip": env.rate("RATE_LIMIT_RESET_IP", "20/10m"),
    "reset:email": env.rate("RATE_LIMIT_RESET_EMAIL", "5/1h"),
    "refresh:ip": env.rate("RATE_LIMIT_REFRESH_IP", "300/10m"),
    "logout:ip": env.rate("RATE_LIMIT_LOGOUT_IP", "120/10m"),
    "contacts:write:ip": env.rate("RATE_LIMIT_CONTACTS_WRITE_IP", "60/1m"),
    "admin:login:ip": env.rate("RATE_LIMIT_ADMIN_LOGIN_IP", "20/10m"),
    "unsubscribe:ip": env.rate("RATE_LIMIT_UNSUBSCRIBE_IP", "20/1m"),
    "unsubscribe:token": env.rate("RATE_LIMIT_UNSUBSCRIBE_TOKEN", "5/1d"),
    "nfc:config:ip": env.rate("RATE_LIMIT_NFC_CONFIG_IP", "60/1m"),
    "nfc:submit:ip": env.rate("RATE_LIMIT_NFC_SUBMIT_IP", "30/1m"),
    "nfc:submit:phone": env.rate("RATE_LIMIT_NFC_SUBMIT_PHONE", "5/1h"),
    "nfc:submit:prefix": env.rate("RATE_LIMIT_NFC_SUBMIT_PREFIX", "100/1h"),
    "tracking:ip": env.rate("RATE_LIMIT_TRACKING_IP", "60/1m"),
    "tracking:id": env.rate("RATE_LIMIT_TRACKING_ID", "10/1m"),
    "tracking:redeem:ip": env.rate("RATE_LIMIT_TRACKING_REDEEM_IP", "30/1m"),
}
# How many reverse proxies append to X-Forwarded-For before a request is here: 0 trusts nobody.
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0)
# Among how many web processes the limits are divided while Redis is away.
WEB_PROCESSES = env.integer("WEB_PROCESSES", 1, minimum=1)
# Keyed hashes in the place of e-mail addresses and phones in Redis.
RATELIMIT_HASH_IDENTIFIERS = env.boolean("RATELIMIT_HASH_IDENTIFIERS", default=False)
RATELIMIT_HASH_ALGORITHM = "rediskit.ratelimits.ReadableKey"
RATELIMIT_USE_CACHE = "ratelimit"
RATELIMIT_VIEW = "config.errors.rate_limited"
CACHES["ratelimit"] = {
    "BACKEND": "django_redis.cache.RedisCache",
    "LOCATION": LIMITS_REDIS_URL,  # "disabled" has every limit counted in the process
    "KEY_FUNCTION": "rediskit.ratelimits.plain_key",
    "OPTIONS": {"SERIALIZER": "rediskit.ratelimits.CountsOnly"},
}

# -- Celery ----------------------------------------------------------------------------
# The database is the truth and the queue a doorbell: every task may be lost or doubled.

CELERY_BROKER_URL = connection.broker_url(dict(os.environ))
CELERY_BROKER_USE_SSL = connection.broker_tls(CELERY_BROKER_URL, REDIS_CA_FILE)
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A broker that is full or a replica refuses; a worker connects again rather than end.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_TASK_PUBLISH_RETRY = False
# Tasks keep their connection; config.celery drops those that died.
CELERY_DB_REUSE_MAX = 1_000_000_000
CELERY_TASK_TIME_LIMIT = 1800
CELERY_VISIBILITY_TIMEOUT = 3600  # above the hard time limit, else running tasks are redelivered
CELERY_TASK_DEFAULT_QUEUE = "scheduler"
CELERY_TASK_ROUTES = {
    "messaging.tasks.send_next": {"queue": "sms"},
    "messaging.tasks.apply_events": {"queue": "events"},
    "messaging.tasks.apply_inbound": {"queue": "events"},
    "contacts.tasks.run_import": {"queue": "imports"},
}

# -- Sending ---------------------------------------------------------------------------

MITTO_API_BASE = env.base_url("MITTO_API_BASE", "https://messaging.mittoapi.com")
MITTO_API_KEY = env.text("MITTO_API_KEY")
MITTO_TRAFFIC_ACCOUNT_ID = env.text("MITTO_TRAFFIC_ACCOUNT_ID")
MITTO_WEBHOOK_SECRET = env.text("MITTO_WEBHOOK_SECRET", min_length=16)
# Where a proxy in front, or the sender itself, signs what it posts: asked for besides.
MITTO_WEBHOOK_HMAC_SECRET = env.text("MITTO_WEBHOOK_HMAC_SECRET", "", min_length=16)
WEBHOOK_REPLAY_SECONDS = env.integer("WEBHOOK_REPLAY_SECONDS", 300, minimum=1)
SENDERS = env.integer("SENDERS", min(max(os.cpu_count() or 2, 2), 4), minimum=1)
# Messages a second that the gateway gets at most, from all workers together; 0: as many as can be.
GATEWAY_PACE = env.integer("GATEWAY_PACE", 0)
# Among how many sender processes, of all machines, the paces are divided while Redis is away.
PACE_PROCESSES = env.integer("PACE_PROCESSES", SENDERS, minimum=1)
SEND_BATCH_SIZE = env.integer("SEND_BATCH_SIZE", 500, minimum=1)
EXPANSION_CHUNK_SIZE = env.integer("EXPANSION_CHUNK_SIZE", 10_000, minimum=1)
GATEWAY_CALL_DEADLINE = env.integer("GATEWAY_CALL_DEADLINE", 20, minimum=1)  # seconds
# Seconds. A lease that does not cover a call, and its recording, would never let one begin.
SEND_LEASE = env.integer(
    "SEND_LEASE", GATEWAY_CALL_DEADLINE + 10, minimum=GATEWAY_CALL_DEADLINE + 2
)
if not env.boolean("PGBOUNCER", default=False):
    # Whoever is frozen, or cut off, in the middle of a claim holds locks that all others wait for:
    # no longer than a lease. PgBouncer has a time-out of its own for that. What DATABASE_URL says
    # comes last, and so counts.
    _options = DATABASES["default"]["OPTIONS"]
    _options["options"] = (
        f"-c idle_in_transaction_session_timeout={SEND_LEASE}s {_options.get('options', '')}"
    )
GATEWAY_BACK_OFF = env.integer("GATEWAY_BACK_OFF", 5, minimum=1)  # seconds
# What is unknown for so many hours is closed as failed; a later report still lifts it.
UNKNOWN_CLOSURE_HOURS = env.integer("UNKNOWN_CLOSURE_HOURS", 72, minimum=1, maximum=8760)
# Reports whose message is not known, of which the gateway is asked every ten seconds at most.
GATEWAY_LOOKUPS = env.integer("GATEWAY_LOOKUPS", 200)

# -- Offers ----------------------------------------------------------------------------

REDEMPTION_UNDO_MINUTES = env.integer("REDEMPTION_UNDO_MINUTES", 15)
OPT_OUT_UNDO_HOURS = env.integer("OPT_OUT_UNDO_HOURS", 24)

# -- Importing -------------------------------------------------------------------------

IMPORT_MAX_BYTES = env.integer("IMPORT_MAX_BYTES", 50 * 1024 * 1024, minimum=1)

# -- API -------------------------------------------------------------------------------

ACCESS_TOKEN_SECONDS = 600
REFRESH_TOKEN_DAYS = 30
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.AccessTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.IsManager"],
    "DEFAULT_PARSER_CLASSES": ["accounts.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "accounts.schema.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "config.errors.problem_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tapline API",
    "DESCRIPTION": "Contacts, campaigns and their results. Errors are application/problem+json.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "CampaignStatus": "campaigns.models.Campaign.Status",
        "MessageStatus": "messaging.models.Message.Status",
        "ImportStatus": "contacts.models.ContactImport.Status",
        "TagStatus": "nfc.models.Tag.Status",
        "TagType": "nfc.models.Tag.Type",
        "ScanKind": "nfc.models.Scan.Kind",
    },
}

# -- Logs ------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO").upper()},
    "loggers": {
        # Both log each request at INFO: a line per gateway call is noise, and holds no news.
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
    },
}
