-- The role with which an exporter reads the statistics of the server, and no rows of a service. Run by a superuser, as
-- often as you like:  psql -v password=... -f monitor.sql
\set ON_ERROR_STOP on

SELECT 'CREATE ROLE monitor LOGIN CONNECTION LIMIT 5'
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'monitor') \gexec
ALTER ROLE monitor PASSWORD :'password';
GRANT pg_monitor TO monitor;
