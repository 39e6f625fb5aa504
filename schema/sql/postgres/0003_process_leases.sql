-- Who runs a process manager, or fires the deadlines. A holder that is null has given it back.
create table process_leases (
    name       text collate "C" not null primary key,
    holder     uuid,
    epoch      bigint not null,
    expires_at timestamptz not null
) with (fillfactor = 50);
