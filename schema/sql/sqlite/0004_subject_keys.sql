-- The keys of data subjects, wrapped by a key that lies elsewhere. A row without a key stays: what it sealed is erased.
create table subject_keys (
    tenant  blob    not null,
    subject text    not null,
    version integer not null,
    wrapped blob,
    primary key (tenant, subject)
) strict, without rowid;
