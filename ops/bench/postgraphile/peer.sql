-- The same rows as Cairn's read models, in tables as PostGraphile wants them: keys, references, indexes on the references.
create schema peer;
create table peer.lots (
    lot_id uuid primary key, code text not null, status text not null, weight_g bigint not null,
    created_position bigint not null);
insert into peer.lots select lot_id, lot_code, status, weight_grams, created_position from :lot_board
    where tenant = :'tenant';
create index on peer.lots (created_position);
create table peer.inspections (
    inspection_id uuid primary key, lot_id uuid not null references peer.lots, gate text not null,
    decision text not null, position bigint not null);
insert into peer.inspections select inspection_id, lot_id, gate, decision, position from :inspections
    where tenant = :'tenant';
create index on peer.inspections (lot_id, position);
create index on peer.inspections (position);
create table peer.readings (
    reading_id uuid primary key, lot_id uuid not null references peer.lots, tenths_c bigint not null,
    is_violation boolean not null, position bigint not null);
insert into peer.readings select reading_id, lot_id, tenths_c, is_violation, position from :readings
    where tenant = :'tenant' and lot_id is not null;
create index on peer.readings (lot_id, position);
create index on peer.readings (position);
create table peer.parents (
    child_id uuid not null references peer.lots, parent_id uuid not null references peer.lots,
    parent_code text not null, used_g bigint not null, primary key (child_id, parent_id));
insert into peer.parents select child_id, parent_id, parent_code, used_grams from :lot_links
    where tenant = :'tenant';
create index on peer.parents (child_id, parent_code);
create index on peer.parents (parent_id);
create index on peer.parents (parent_code);
analyze;
