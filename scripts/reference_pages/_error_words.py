"""What people should know about errors beyond what the errors say: by family, and by code where it helps.

A code that carries no hint in the source has an entry in `MORE`; an entry whose code nothing raises is an error.
"""

from __future__ import annotations

FAMILIES = {
    "account": "Accounts and their roles.",
    "api": "The control plane's own door.",
    "approval": "A person's yes to a release.",
    "artifact": "The stored, sealed releases. They are verified before a release is started.",
    "auth": "Who is asking.",
    "backup": "Backups of an environment's database, and bringing them back: [backups](../operate/backups.md).",
    "bake": "The time after the switch in which the new release is watched.",
    "canary": "The share of visitors that goes first.",
    "check": "Commands of the release that judge it.",
    "cli": "The command line itself.",
    "clone": "A developer's own database: [a database of your own](../use/developer.md#a-database-of-your-own).",
    "command": "Commands that `greenroom.yaml` names.",
    "config": "`greenroom.yaml`, and the settings of an environment.",
    "control_plane": "The process that carries out work and answers the command line.",
    "data": "Masked copies of data: what may leave, and what was refused.",
    "database": "The PostgreSQL cluster of an environment.",
    "demo": "`make demo` only.",
    "dev": "`greenroom dev`: [your working tree](../use/developer.md#your-working-tree-running).",
    "drill": "Restores for practice.",
    "edge": "The door through which visitors reach an environment.",
    "egress": "Where applications may go on the network.",
    "environment": "The places on the path.",
    "evidence": "What was found out about a release.",
    "freeze": "No ordinary promotion into an environment.",
    "gate": "Rules that let a release in or keep it out. Each is explained, with its cases, in [gates](gates.md).",
    "glass": "Break-glass access: an operator in a database by hand, for a while.",
    "home": "The directory in which Greenroom keeps a project.",
    "hook": "Webhooks: pushes to a branch that an environment follows.",
    "init": "Writing a first `greenroom.yaml`.",
    "ledger": "The record of everything that happened.",
    "log": "What processes and commands said.",
    "login": "Keeping a token for the command line.",
    "mail": "Mail that is caught before production.",
    "migration": "The schema following the release.",
    "name": "Names of projects, environments and accounts.",
    "override": "Setting one gate aside for one release in one environment.",
    "policy": "The configuration in force.",
    "registry": "Finding gates, masking rules and detectors. One of your own is wrong, or two claim one name.",
    "release": "Making a release from a commit.",
    "request": "Requests to the API that are not understood.",
    "restore_point": "States of a database that can be brought back.",
    "role": "Who may do what; see [roles](roles.md).",
    "rollback": "Going back.",
    "runtime": "Processes of this machine.",
    "schedule": "Promoting at a set time.",
    "seal": "The key that signs releases.",
    "secret": "Secrets of an environment, by name.",
    "secrets": "The store of secrets and its key.",
    "step": "A step of a plan.",
    "store": "Greenroom's own database.",
    "telemetry": "Traces on their way to whoever watches. Work goes on without them.",
    "toolchain": "Interpreters of this machine.",
    "traffic": "Visitors on their way to an environment.",
    "usage": "How a command is called.",
    "user": "Operating-system users that Greenroom makes when it runs as root.",
    "work": "Promotions, rollbacks, releases and checks as rows; see [states](states.md).",
}

MORE = {
    "approval.changed": "Nothing was recorded. What was shown is bound to the approval by a digest; look again, then"
    " approve what is there now.",
    "approval.own": "Nobody approves a release they made or a promotion they asked for. This holds for every role and"
    " has no exception: it takes a second person.",
    "artifact.missing": "The store of releases lost something that the ledger names. `greenroom doctor` looks at every"
    " release that is in use.",
    "artifact.tampered": "Something changed a byte after the seal: in the store, or in the directory from which the"
    " release runs. Processes that run already go on; nothing new is started from it.",
    "artifact.unsigned": "A key that this home trusts lies in `private/` as `sealing-….pub.json`.",
    "auth.invalid": "The same words for every wrong token, so that nobody learns which ones once existed.",
    "bake.worse": "The rollback is done by the time you read this. `greenroom work show WORK` has the figures; limits"
    " stand under [`bake`](configuration.md#environmentsnamebake).",
    "check.errored": "The check gave no answer: it could not be started, was ended by a signal, or took too long. That"
    " is not a failed check, and running it again may help.",
    "check.failed": "The check said no: its exit code was between 1 and 125. A revoked or repeated check needs a new"
    " result; an older good one does not take its place.",
    "config.invalid": "All problems are named at once, each with its place. [The reference](configuration.md) says what"
    " each key takes.",
    "config.missing": "An environment lacks a value that the release declares as required.",
    "config.unreadable": "See whether the file is there, is a file, and may be read by the user who runs Greenroom.",
    "control_plane.running": "One control plane works on a home at a time; a lock in the home says so, and it is free"
    " again as soon as that process ends, however it ended.",
    "database.busy": "Too many connections, or no memory. The step is tried again. The application may hold more"
    " connections than it should: a cluster takes 100.",
    "database.closed": "A restore was cut off between two names. The work that did it goes on by itself; if it stands"
    " in attention, `greenroom resume WORK`.",
    "database.failed": "PostgreSQL refused a statement of Greenroom's; its own words follow. The step is tried again.",
    "database.restore_point_unreadable": "Its `point.json` is damaged. The other restore points are not affected; move"
    " this directory out of the way.",
    "database.sessions_remain": "Something holds the database open, for example a console. End it, then"
    " `greenroom resume WORK`.",
    "database.start_timeout": "A large database recovers slowly after a crash. The step is tried again; the cluster's"
    " log says how far it is.",
    "database.starting": "It is on its way; the step is tried again.",
    "database.tool_failed": "A program of PostgreSQL failed; its own last words follow.",
    "database.tool_timeout": "A program of PostgreSQL took too long; the step is tried again.",
    "database.unreachable": "The cluster does not run. The keeper starts it again by itself; if it does not come back,"
    " its log says why.",
    "demo.address": "A defect of the demo: please report it.",
    "demo.command": "What the command said follows. `make demo-stop`, then `make demo` starts over.",
    "demo.no_answer": "See `greenroom status` and `greenroom logs ENV` of the demo's home.",
    "demo.not_done": "The work that the demo waited for did not end well; `greenroom work show WORK` says why.",
    "demo.too_long": "The machine is slow or busy; `make demo-stop`, then `make demo` starts over.",
    "demo.traffic": "The demo's visitors could not be counted, so its figures would be worth nothing.",
    "demo.wrong_answer": "The application answered something else than its recipe expects.",
    "edge.config_refused": "Caddy did not take a configuration that Greenroom made: a defect, please report it with"
    " Caddy's words. The configuration before goes on serving.",
    "edge.config_unreadable": "Somebody edited the file by hand. Move it away; the control plane writes it anew when it"
    " starts.",
    "edge.stale_token": "A worker that had lost its claim tried to switch. It was kept from doing so, which is what"
    " the token is for; nothing is to be done.",
    "edge.unavailable": "Caddy or the keeper does not answer. Both are started again by themselves; visitors of a"
    " running Caddy are not affected by a missing control plane.",
    "gate.refused": "Several gates said no at once; each is named with what satisfies it.",
    "home.no_run_directory": "Sockets need a writable directory with a short path. Set `XDG_RUNTIME_DIR` to one.",
    "home.other_project": "Usually `GREENROOM_HOME` is still set from another project. Every command acts on the home"
    " it names.",
    "home.unsafe": "A directory that must be Greenroom's belongs to somebody else, or is a link. It is never used"
    " then: its owner could read secrets or replace releases.",
    "ledger.broken": "Somebody changed the store past Greenroom, or its disk did. Each problem is named with its entry;"
    " see [troubleshooting](../operate/troubleshooting.md#the-ledger-does-not-hold-together).",
    "migration.down_failed": "*Refused* while a person's rollback ran it; *errored* while an undo did, and then a"
    " person must look.",
    "migration.failed": "The schema is brought back as far as it changed; visitors were and are on the older release.",
    "override.elsewhere": "An override is for one gate, one release, one environment.",
    "override.expiry": "An override expires, at the latest after 7 days; whoever needs it again asks again.",
    "override.no_reason": "The reason stands on the ledger for good.",
    "override.not_overridable": "The gates `path`, `sealed` and `one_at_a_time` hold for everybody.",
    "override.own": "Nobody overrides for a release they made or a promotion they asked for.",
    "override.role": "The role decides, see [roles](roles.md).",
    "registry.malformed": "The object named `GATE` (`RULE`) of that module lacks something a gate (a masking rule) has;"
    " see [how to add a gate](../contribute/add-a-gate.md), [a masking rule](../contribute/add-a-masking-rule.md).",
    "release.commit_unknown": "The commit must be in the repository that the configuration was applied from.",
    "release.compile_failed": "A file of the release cannot be compiled by its interpreter; the output names it.",
    "release.file_unfit": "Links that lead outside, devices and sockets cannot be sealed. Remove it, or let the build"
    " leave it out.",
    "release.git_timeout": "The repository is very large, or its disk very slow. Try again.",
    "release.room_failed": "The sandbox of the build could not be set up; see [isolation](../operate/install.md).",
    "release.source_unreadable": "The repository is damaged or incomplete: `git fsck` says what is missing.",
    "release.undeclared": "Each line names one thing the application used and did not declare, and where. This is what"
    " would have worked on one machine and failed on the next.",
    "release.unhealthy": "In the clean room: it does not start with only what it declares. In an environment: it did"
    " not answer its health check in time; its last words follow.",
    "request.timeout": "The body of a request arrived too slowly.",
    "role.missing": "The table of [roles](roles.md) says who may. An administrator grants roles; each grant is on the"
    " ledger.",
    "rollback.forward_only": "The older release was started beside the newer one and did not pass, or the newer one"
    " declares `contracts`. See [going back](../concepts.md#going-back).",
    "runtime.no_port": "Something on this machine takes hundreds of ports; `ss -ltn` shows what.",
    "runtime.refused": "The keeper is of another version, or a record is damaged; its words follow.",
    "secrets.unreadable": "Secrets open only with the key of their own home; see"
    " [backing up Greenroom itself](../operate/backup-of-greenroom-itself.md).",
    "step.broke": "The step is tried three times, then undone. Nothing is lost by it.",
    "store.newer": "Greenroom does not go back by itself; see [upgrading](../operate/upgrade.md).",
    "toolchain.unreadable": "The interpreter lies where other users of this machine cannot read it, and could not be"
    " copied. Install it system-wide.",
    "work.forward_only.attention": "The one moment at which Greenroom asks a person to choose: stay on the newer"
    " release, or give up what was written since. See [states](states.md).",
    "work.contradicted": "Its row is not what was asked for, or nobody asked for it: nothing of it is carried out. What"
    " had begun stands in `attention`."
    " See [troubleshooting](../operate/troubleshooting.md#the-ledger-does-not-hold-together).",
    "work.step_unknown": "The work waits; nothing is guessed. See [upgrading](../operate/upgrade.md).",
}
