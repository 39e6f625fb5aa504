-- The keys of data subjects, wrapped by a key that lies elsewhere. A row without a key stays: what it sealed is erased.
create table subject_keys (
    tenant  uuid not null,
    subject text collate "C" not null,
    version integer not null,
    wrapped bytea,
    primary key (tenant, subject)
);
