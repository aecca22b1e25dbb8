"""What the benchmarks of the whole application have in common. Importing it sets Django up, so it comes first."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")
os.environ.setdefault("TIEOUT_UPLOAD_MAX_MB", "2000")
django.setup()
