-- Run once by the postgres image, on an empty volume: an owner who migrates, and a role for the processes that can
-- change rows but not tables.
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
CREATE ROLE switchboard_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE switchboard_app LOGIN PASSWORD :'app_password';
CREATE DATABASE switchboard OWNER switchboard_owner;
