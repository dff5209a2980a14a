import pg from 'pg';
import { migrate } from '@hub/model/migrate.js';
it('makes the template', async () => {
  const admin = new pg.Client({ connectionString: 'postgres://sb@127.0.0.1:55441/postgres' });
  await admin.connect();
  await admin.query(`DROP DATABASE IF EXISTS tpl WITH (FORCE)`);
  await admin.query(`DO $$ BEGIN CREATE ROLE switchboard_owner LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
  await admin.query(`DO $$ BEGIN CREATE ROLE switchboard LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
  await admin.query(`CREATE DATABASE tpl OWNER switchboard_owner`);
  await admin.end();
  await migrate('postgres://switchboard_owner@127.0.0.1:55441/tpl', 'postgres://switchboard@127.0.0.1:55441/tpl');
}, 30_000);
