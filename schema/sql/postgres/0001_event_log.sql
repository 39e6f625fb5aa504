-- The event log. See schema/sql/README.md for what a stranger may rely on.
create table events (
    position       bigint not null primary key,
    tenant         uuid not null,
    category       text collate "C" not null,
    stream_id      text collate "C" not null,
    version        bigint not null,
    event_id       uuid not null,
    event_type     text collate "C" not null,
    schema_version integer not null,
    payload        text not null,
    metadata       text not null,
    recorded_at    timestamptz not null,
    unique (tenant, category, stream_id, version)
);

-- The first answer to every command. The versions that it names are those of its events.
create table commits (
    tenant      uuid not null,
    command_id  uuid not null,
    digest      bytea not null,
    position    bigint not null,
    event_count integer not null,
    reply       text,
    primary key (tenant, command_id)
);

create table snapshots (
    tenant    uuid not null,
    category  text collate "C" not null,
    stream_id text collate "C" not null,
    version   bigint not null,
    shape     text collate "C" not null,
    state     text not null,
    primary key (tenant, category, stream_id)
) with (fillfactor = 70);

create table deadlines (
    tenant      uuid not null,
    deadline_id uuid not null,
    due_at      timestamptz not null,
    command     text not null,
    payload     text not null,
    asked_at    bigint not null,
    primary key (tenant, deadline_id)
);

create index deadlines_by_due_at on deadlines (due_at);

-- How far each process manager has read.
create table checkpoints (
    name     text collate "C" not null primary key,
    position bigint not null
) with (fillfactor = 50);

-- Stores a batch whose commits have been judged against assumed stream versions, if the assumptions hold: answers the
-- head before the batch, or null when a stream is elsewhere or a command was answered before, and then stores nothing.
--
-- Order of commit is order of position: writers take their turns by a lock that is held until the batch is
-- durable and visible. The head is the last event itself. A row of its own for the head would gather one dead version a batch
-- for as long as anybody keeps an old transaction open, and every append would have to walk past them.
create function append_batch(
    stream_tenants uuid[], stream_categories text[], stream_ids text[], stream_versions bigint[],
    stream_last_events uuid[],
    commit_tenants uuid[], commit_ids uuid[], commit_digests bytea[], commit_offsets integer[],
    commit_counts integer[], commit_replies text[], commit_remembered boolean[],
    event_tenants uuid[], event_categories text[], event_streams text[], event_versions bigint[], event_ids uuid[],
    event_types text[], event_schemas integer[], event_payloads text[], event_metadata text[],
    event_instants timestamptz[],
    deadline_tenants uuid[], deadline_ids uuid[], deadline_dues timestamptz[], deadline_commands text[],
    deadline_payloads text[], deadline_offsets integer[]
) returns bigint language plpgsql as $$
declare
    head bigint;
    last_instant timestamptz;
begin
    -- 'CAIR' and 1, the log's turn. Each statement after this one sees what the writer before has committed.
    perform pg_advisory_xact_lock(1128352082, 1);

    -- The version alone would also fit if another writer's event stood in place of the one that was expected there.
    perform from unnest(stream_tenants, stream_categories, stream_ids, stream_versions, stream_last_events)
            as expected (tenant, category, stream_id, version, last_event)
        left join lateral (
            select events.version, events.event_id from events
            where events.tenant = expected.tenant and events.category = expected.category
              and events.stream_id = expected.stream_id
            order by events.version desc limit 1) stored on true
        where expected.version <> coalesce(stored.version, 0) or expected.last_event <> stored.event_id
        limit 1;
    if found then
        return null;
    end if;
    perform from unnest(commit_tenants, commit_ids) as given (tenant, command_id)
        where exists (select from commits stored
                      where stored.tenant = given.tenant and stored.command_id = given.command_id)
        limit 1;
    if found then
        return null;
    end if;

    select position, recorded_at into head, last_instant from events order by position desc limit 1;
    head := coalesce(head, 0);
    insert into events (position, tenant, category, stream_id, version, event_id, event_type, schema_version, payload,
                        metadata, recorded_at)
        select head + ordinal, tenant, category, stream_id, version, event_id, event_type, schema_version, payload,
               metadata, greatest(instant, last_instant)
        from unnest(event_tenants, event_categories, event_streams, event_versions, event_ids, event_types,
                    event_schemas, event_payloads, event_metadata, event_instants) with ordinality
             as added (tenant, category, stream_id, version, event_id, event_type, schema_version, payload, metadata,
                       instant, ordinal);
    insert into commits (tenant, command_id, digest, position, event_count, reply)
        select tenant, command_id, digest, head + last_offset, event_count, reply
        from unnest(commit_tenants, commit_ids, commit_digests, commit_offsets, commit_counts, commit_replies,
                    commit_remembered)
             as added (tenant, command_id, digest, last_offset, event_count, reply, remembered)
        where remembered;
    if cardinality(deadline_ids) > 0 then
        insert into deadlines (tenant, deadline_id, due_at, command, payload, asked_at)
            select tenant, deadline_id, due_at, command, payload, head + last_offset
            from unnest(deadline_tenants, deadline_ids, deadline_dues, deadline_commands, deadline_payloads,
                        deadline_offsets)
                 as added (tenant, deadline_id, due_at, command, payload, last_offset)
            on conflict do nothing;
    end if;
    return head;
end
$$;

-- The position of the last event recorded at or before an instant. Positions and instants rise together: halving
-- finds the place without an index of its own.
create function position_at(instant timestamptz) returns bigint language plpgsql stable as $$
declare
    low bigint := 0;
    high bigint := coalesce((select max(position) from events), 0);
    middle bigint;
    found_position bigint;
    found_instant timestamptz;
begin
    while low < high loop
        middle := low + (high - low + 1) / 2;
        select position, recorded_at into found_position, found_instant
            from events where position <= middle order by position desc limit 1;
        if found_instant > instant then
            high := found_position - 1;
        else
            low := middle;
        end if;
    end loop;
    return low;
end
$$;
