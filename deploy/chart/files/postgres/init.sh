#!/bin/sh
# Provisions the databases of all services and the role that measures, with the passwords that scripts/secrets has made.
# The image of Postgres runs it when its data folder is empty; anywhere else, and on a folder from before:
#   SECRETS=.secrets PGHOST=... PGUSER=... sh deploy/postgres/init.sh
set -eu
secrets=${SECRETS:-/run/secrets}
here=$(dirname "$0")
for service in auth user product notification; do
  export OWNER_PASSWORD_FILE="$secrets/${service}_owner_password" APP_PASSWORD_FILE="$secrets/${service}_app_password"
  psql -q -U "${PGUSER:-$POSTGRES_USER}" -d postgres -v service="$service" -f "${PROVISION:-$here/provision.sql}"
done
export PASSWORD_FILE="$secrets/postgres_metrics_password"
psql -q -U "${PGUSER:-$POSTGRES_USER}" -d postgres -f "${PROVISION_METRICS:-$here/metrics.sql}"
