CREATE TABLE account (
	id TEXT NOT NULL, 
	roles TEXT NOT NULL, 
	token_hash TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	disabled_at TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE approval (
	id TEXT NOT NULL, 
	release TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	by TEXT NOT NULL, 
	roles TEXT NOT NULL, 
	shown TEXT NOT NULL, 
	at TEXT NOT NULL, 
	note TEXT NOT NULL, 
	revoked_at TEXT, 
	PRIMARY KEY (id)
);
CREATE INDEX approval_by_release ON approval (release, environment);
CREATE TABLE environment (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	current TEXT, 
	current_work TEXT, 
	dial TEXT NOT NULL, 
	previous TEXT, 
	since TEXT, 
	removed_at TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE evidence (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	release TEXT NOT NULL, 
	environment TEXT, 
	outcome TEXT NOT NULL, 
	at TEXT NOT NULL, 
	by TEXT NOT NULL, 
	facts TEXT NOT NULL, 
	revoked_at TEXT, 
	revoked_why TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX evidence_by_release ON evidence (release, at);
CREATE TABLE fence (
	environment TEXT NOT NULL, 
	token INTEGER NOT NULL, 
	PRIMARY KEY (environment)
);
CREATE TABLE "freeze" (
	id TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	by TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	at TEXT NOT NULL, 
	until TEXT, 
	lifted_at TEXT, 
	PRIMARY KEY (id)
);
CREATE INDEX ix_freeze_environment ON "freeze" (environment);
CREATE TABLE ledger (
	seq INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	event TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	prev TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (seq), 
	UNIQUE (hash)
);
CREATE TABLE meta (
	key TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (key)
);
CREATE TABLE override (
	id TEXT NOT NULL, 
	gate TEXT NOT NULL, 
	release TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	by TEXT NOT NULL, 
	role TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	at TEXT NOT NULL, 
	expires_at TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX override_by_release ON override (release, environment);
CREATE TABLE policy (
	id TEXT NOT NULL, 
	text TEXT NOT NULL, 
	repository TEXT NOT NULL, 
	by TEXT NOT NULL, 
	at TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE release (
	id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	version TEXT NOT NULL, 
	git_commit TEXT NOT NULL, 
	made_by TEXT NOT NULL, 
	made_at TEXT NOT NULL, 
	descriptor TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	collected_at TEXT, 
	PRIMARY KEY (id)
);
CREATE INDEX release_by_time ON release (made_at);
CREATE TABLE work (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	environment TEXT, 
	release TEXT, 
	plan TEXT NOT NULL, 
	state TEXT NOT NULL, 
	requested_by TEXT NOT NULL, 
	requested_at TEXT NOT NULL, 
	cursor INTEGER NOT NULL, 
	direction TEXT NOT NULL, 
	facts TEXT NOT NULL, 
	request TEXT NOT NULL, 
	not_before TEXT, 
	wake_at TEXT, 
	attempts INTEGER NOT NULL, 
	error TEXT, 
	cancel TEXT, 
	token INTEGER NOT NULL, 
	owner TEXT, 
	lease_until FLOAT, 
	started_at TEXT, 
	ended_at TEXT, 
	schedule_key TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (schedule_key)
);
CREATE UNIQUE INDEX one_active_per_environment ON work (environment) WHERE state IN ('active', 'attention');
CREATE INDEX work_by_environment ON work (environment, requested_at);
CREATE INDEX work_by_state ON work (state, requested_at);
CREATE TABLE history (
	id SERIAL NOT NULL, 
	work TEXT NOT NULL, 
	step TEXT NOT NULL, 
	direction TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	outcome TEXT NOT NULL, 
	started_at TEXT NOT NULL, 
	seconds FLOAT NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(work) REFERENCES work (id)
);
CREATE INDEX ix_history_work ON history (work);
CREATE OR REPLACE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE OR REPLACE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
