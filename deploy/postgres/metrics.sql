-- The role postgres_exporter connects as: it reads statistics of the server, and no rows of a service. As often as you like:
--   PASSWORD_FILE=... psql -d postgres -f metrics.sql
\set ON_ERROR_STOP on
\set password `cat "$PASSWORD_FILE"`
SET client_min_messages = warning;
SELECT 'CREATE ROLE metrics LOGIN CONNECTION LIMIT 5' WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'metrics') \gexec
ALTER ROLE metrics PASSWORD :'password';
GRANT pg_monitor TO metrics;
