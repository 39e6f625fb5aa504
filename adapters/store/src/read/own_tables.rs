//! The tables that the read store keeps for itself, beside those of the read models. Both engines take the same text.

/// The version of these tables. A read store of an older version is brought forward, a newer one is refused.
pub(super) const VERSION: i64 = 6;

/// Makes the mark of the version.
pub(super) const CREATE_MARK: &str = "create table if not exists read_schema (version bigint not null)";

/// The steps from each version to the next, from none to 1 first.
pub(super) const STEPS: &[&[&str]] = &[FIRST, ANCHORED, SKIPPED, COUNTED, MARKED, MARKED_THROUGH];

const FIRST: &[&str] = &[
    "create table read_leases (
        name text primary key, holder text not null, epoch bigint not null, expires_at bigint not null)",
    "create table read_models (
        build text primary key, model text not null, version bigint not null, revision bigint not null,
        state text not null, position bigint not null, tables text not null, since bigint not null)",
    // A promise of the engine beside the program's own: one live build for each read model.
    "create unique index read_models_live on read_models (model) where state = 'LIVE'",
    "create table read_parked (
        build text not null, position bigint not null, tenant text not null, category text not null,
        stream_id text not null, version bigint not null, event_id text not null, event_type text not null,
        error text, attempts bigint not null, parked_at bigint not null, primary key (build, position))",
    "create table read_audit (
        id bigint primary key, at bigint not null, actor text not null, action text not null,
        build text not null, model text not null, version bigint not null, revision bigint not null,
        position bigint not null, reason text not null)",
    "create table read_images (
        name text not null, part bigint not null, position bigint not null, bytes BYTES not null,
        primary key (name, part))",
];

/// A build names the event that it stands on, so that it is never taken for one of another log.
const ANCHORED: &[&str] = &["alter table read_models add column anchor text"];

/// What somebody decided to leave out outlives the build that it was decided for.
const SKIPPED: &[&str] = &["create table read_skips (
    model text not null, event_id text not null, primary key (model, event_id))"];

/// Was in no release: what counts goes back with the database, and comes to the same numbers over other rows.
const COUNTED: &[&str] = &["create table read_changes (
    model text not null, tenant text not null, count bigint not null, primary key (model, tenant))"];

/// What a tenant's rows in a build are told apart by from what they were: the build's own mark, with that of the last step
/// that changed them. A mark never comes twice; see [`mark`](super::jobs::mark).
const MARKED: &[&str] = &[
    "drop table read_changes",
    "alter table read_models add column mark bigint not null default 0",
    "create table read_marks (
        build text not null, tenant text not null, mark bigint not null, primary key (build, tenant))",
];

/// Up to where marks were given. A program of the last release that runs beside this one changes rows and moves the position, and
/// knows of no marks: what it moved past tells its rows apart; see `STANDING_MARK` in `pages.rs`.
const MARKED_THROUGH: &[&str] =
    &["alter table read_models add column marked_through bigint not null default 0"];
