-- Who runs a process manager, or fires the deadlines. A holder that is null has given it back.
create table process_leases (
    name       text    not null primary key,
    holder     blob    check (length(holder) = 16),
    epoch      integer not null,
    expires_at integer not null
) strict;

create index reactions_parked on events (position) where category = 'reaction' and event_type = 'ReactionParked';
