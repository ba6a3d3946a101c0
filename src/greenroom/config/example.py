"""A complete file that uses every section, for the reference; a test loads it."""

from __future__ import annotations

EXAMPLE = """\
project: shop
template: full

release:
  language: python
  runtime: "3.11"
  version: {file: VERSION}
  lock: requirements.txt
  build: ["python manage.py collectstatic --noinput"]
  executables: [ffmpeg]
  files: [/usr/share/zoneinfo]
  timeout: 30m
  size: 2GB

processes:
  web: {command: "gunicorn -b unix:$GREENROOM_SOCKET shop.wsgi", stop: 30s}
  worker: {command: "python worker.py", count: 2}

migration: {style: command, command: "python manage.py migrate --noinput", timeout: 1h}
health: {path: /health, boot: 2m}
services: {postgres: 18}

config:
  SECRET_KEY: {secret: true, generate: true}
  SMTP_HOST: {default: localhost, about: where mail is handed in}
  PAYMENT_TOKEN: {secret: true, required: true}

checks:
  tests: {command: "python -m pytest -q", in: [qa]}
  journey: {command: "python journey.py", journey: true, timeout: 5m}

data:
  rules:
    public.customer.email: email
    public.customer.name: full_name
    public.customer.notes: {rule: free_text, mode: shape}
  harmless:
    public.customer: [id, created_at]
    public.country: [id, name]
  references:
    - {from: [public.visit.customer_no], to: [public.customer.id]}
  subset:
    roots: [{table: public.customer, where: "created_at > now() - interval '2 years'", share: 20%}]
  quasi_identifiers:
    public.customer: [birth_date, postcode]
  k: 5
  seed: [seed/people.sql, seed/public.visit.csv]

environments:
  dev: {follow: main}
  qa: {config: {SMTP_HOST: mail.qa.example.com}}
  staging:
    data:
      refresh: 7d
      edits: ["UPDATE webhook SET url = 'http://127.0.0.1:9/caught'"]
  production:
    port: 8200
    hosts: [shop.example.com]
    bake: {for: 10m, max_failed: 1%, max_slower: 3.0, min_requests: 50}
    canary: {shares: [5%, 25%], hold: 2m}
    restore_points: 5
    backups:
      full: 7d
      incremental: 1d
      keep: 30d
      second: s3://shop-backups/production
      region: eu-central-1
      access_key: BACKUP_ACCESS_KEY
      secret_key: BACKUP_SECRET_KEY
    gates:
      approvals: {count: 2, roles: [manager, client]}
      window: {timezone: Europe/Berlin, open: ["Mon-Thu 09:00-16:00"], holidays: DE}
      soak: {in: staging, for: 1h}

edge: {port: 8080, ports_from: 8100}
api: {port: 7480}
"""
