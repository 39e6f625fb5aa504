-- The event log. See schema/sql/README.md for what a stranger may rely on.
create table events (
    position       integer primary key,
    tenant         blob    not null check (length(tenant) = 16),
    category       text    not null,
    stream_id      text    not null,
    version        integer not null,
    event_id       blob    not null check (length(event_id) = 16),
    event_type     text    not null,
    schema_version integer not null,
    payload        text    not null,
    metadata       text    not null,
    recorded_at    integer not null,
    unique (tenant, category, stream_id, version)
) strict;

-- The first answer to every command. The versions that it names are those of its events.
create table commits (
    tenant      blob    not null,
    command_id  blob    not null,
    digest      blob    not null,
    position    integer not null,
    event_count integer not null,
    reply       text,
    primary key (tenant, command_id)
) strict, without rowid;

create table snapshots (
    tenant    blob    not null,
    category  text    not null,
    stream_id text    not null,
    version   integer not null,
    shape     text    not null,
    state     text    not null,
    primary key (tenant, category, stream_id)
) strict;

create table deadlines (
    tenant      blob    not null,
    deadline_id blob    not null,
    due_at      integer not null,
    command     text    not null,
    payload     text    not null,
    asked_at    integer not null,
    primary key (tenant, deadline_id)
) strict;

create index deadlines_by_due_at on deadlines (due_at);

-- How far each process manager has handled the log. Losing a row costs time, never truth.
create table checkpoints (
    name     text    not null primary key,
    position integer not null
) strict;
