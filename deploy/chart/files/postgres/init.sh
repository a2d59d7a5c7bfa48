#!/bin/sh
# Provisions the databases of all services and the role that measures, with the passwords that scripts/secrets has made.
# The image of Postgres runs it when its data folder is empty; anywhere else, and on a folder from before:
#   SECRETS=.secrets PGHOST=... PGUSER=... sh deploy/postgres/init.sh
set -eu
secrets=${SECRETS:-/run/secrets}
here=$(dirname "$0")
for service in auth user product notification; do
  psql -q -U "${PGUSER:-$POSTGRES_USER}" -d postgres -v service="$service" \
    -v owner_password="$(cat "$secrets/${service}_owner_password")" \
    -v app_password="$(cat "$secrets/${service}_app_password")" -f "${PROVISION:-$here/provision.sql}"
done
psql -q -U "${PGUSER:-$POSTGRES_USER}" -d postgres \
  -v password="$(cat "$secrets/postgres_metrics_password")" -f "${PROVISION_METRICS:-$here/metrics.sql}"
