-- When the answer to a command may be forgotten, in ms since 1970 UTC. Null: never; so it stays with every answer from before this
-- step, since nobody can tell which of them were given to derived ids.
alter table commits add column expires_at integer;

create index commits_by_expiry on commits (expires_at) where expires_at is not null;
