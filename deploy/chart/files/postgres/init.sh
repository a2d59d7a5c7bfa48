#!/bin/sh
# Provisions the role that measures and a database for each service that scripts/secrets, or who else fills the folder, has
# given passwords there.
# The image of Postgres runs it when its data folder is empty; anywhere else, and on a folder from before:
#   SECRETS=.secrets PGHOST=... PGUSER=... sh deploy/postgres/init.sh
set -eu
secrets=${SECRETS:-/run/secrets}
here=$(dirname "$0")
for owner in "$secrets"/*_owner_password; do
  [ -e "$owner" ] || { echo "init.sh: $secrets holds no password of an owner" >&2; exit 1; }
  service=$(basename "$owner" _owner_password)
  export OWNER_PASSWORD_FILE="$owner" APP_PASSWORD_FILE="$secrets/${service}_app_password"
  psql -q -U "${PGUSER:-$POSTGRES_USER}" -d postgres -v service="$service" -f "${PROVISION:-$here/provision.sql}"
done
export PASSWORD_FILE="$secrets/postgres_metrics_password"
psql -q -U "${PGUSER:-$POSTGRES_USER}" -d postgres -f "${PROVISION_METRICS:-$here/metrics.sql}"
