-- A database with two roles for one service. Run by a superuser, or by the operator of RDS, who may make roles and databases;
-- once per service, as often as you like:
--   OWNER_PASSWORD_FILE=... APP_PASSWORD_FILE=... psql -v service=auth -f provision.sql
-- Files, because the words of a command can be read by everybody on the machine.
-- <service>_owner owns the schema and is what `<service> migrate` connects as; <service>_app reads and writes rows and
-- is what the service connects as. Neither may so much as connect to the database of another service.
\set ON_ERROR_STOP on
\set owner :service _owner
\set app :service _app
\set owner_password `cat "$OWNER_PASSWORD_FILE"`
\set app_password `cat "$APP_PASSWORD_FILE"`

SELECT format('CREATE ROLE %I LOGIN', role) FROM (VALUES (:'owner'), (:'app')) AS wanted (role)
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role) \gexec
ALTER ROLE :"owner" PASSWORD :'owner_password';
ALTER ROLE :"app" PASSWORD :'app_password';
-- Who is no superuser may give a database and its schema only to a role it is a member of.
SELECT format('GRANT %I TO %I', :'owner', current_user)
WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND NOT pg_has_role(current_user, :'owner', 'USAGE') \gexec

SELECT format('CREATE DATABASE %I OWNER %I', :'service', :'owner')
WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = :'service') \gexec
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"service" TO :"app";

\connect :service
ALTER SCHEMA public OWNER TO :"owner";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"app";
-- For the tables that migrations have still to create.
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO :"app";
