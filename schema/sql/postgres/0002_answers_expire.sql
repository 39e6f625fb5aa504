-- When the answer to a command may be forgotten. Null: never; so it stays with every answer from before this step, since nobody can
-- tell which of them were given to derived ids.
alter table commits add column expires_at timestamptz;

-- As before, and besides: refuses instants of a clock that is more than a minute ahead, notes when answers expire, and takes the
-- place of those that have. The function of 28 arguments stays for programs of the last release that still run beside this one.
create function append_batch(
    stream_tenants uuid[], stream_categories text[], stream_ids text[], stream_versions bigint[],
    stream_last_events uuid[],
    commit_tenants uuid[], commit_ids uuid[], commit_digests bytea[], commit_offsets integer[],
    commit_counts integer[], commit_replies text[], commit_remembered boolean[],
    event_tenants uuid[], event_categories text[], event_streams text[], event_versions bigint[], event_ids uuid[],
    event_types text[], event_schemas integer[], event_payloads text[], event_metadata text[],
    event_instants timestamptz[],
    deadline_tenants uuid[], deadline_ids uuid[], deadline_dues timestamptz[], deadline_commands text[],
    deadline_payloads text[], deadline_offsets integer[],
    commit_kept_ms bigint[]
) returns bigint language plpgsql as $$
declare
    head bigint;
    last_instant timestamptz;
    present timestamptz;
begin
    -- 'CAIR' and 1, the log's turn. Each statement after this one sees what the writer before has committed.
    perform pg_advisory_xact_lock(1128352082, 1);
    present := clock_timestamp();

    -- Instants rise within a batch. One from a clock that is ahead would be the log's, and every later event's, until it has passed.
    if event_instants[cardinality(event_instants)] > present + interval '1 minute' then
        raise exception 'the clock of a process is ahead of the database''s' using errcode = 'CA001',
            detail = floor(extract(epoch from event_instants[cardinality(event_instants)]) * 1000)::bigint
                     || ' ' || floor(extract(epoch from present) * 1000)::bigint;
    end if;

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
        perform from unnest(commit_tenants, commit_ids) as given (tenant, command_id)
            where exists (select from commits stored
                          where stored.tenant = given.tenant and stored.command_id = given.command_id
                            and (stored.expires_at is null or stored.expires_at > present))
            limit 1;
        if found then
            return null;
        end if;
        -- Only answers whose time is over: their keys are free, whether or not they have been pruned.
        delete from commits stored using unnest(commit_tenants, commit_ids) as given (tenant, command_id)
            where stored.tenant = given.tenant and stored.command_id = given.command_id;
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
    insert into commits (tenant, command_id, digest, position, event_count, reply, expires_at)
        select tenant, command_id, digest, head + last_offset, event_count, reply,
               present + kept_ms * interval '1 millisecond'
        from unnest(commit_tenants, commit_ids, commit_digests, commit_offsets, commit_counts, commit_replies,
                    commit_remembered, commit_kept_ms)
             as added (tenant, command_id, digest, last_offset, event_count, reply, remembered, kept_ms)
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
