use std::collections::HashMap;

use commands::{
    ports::{Clock, EventStore},
    tail::holds,
};

use super::RunError;
use crate::{
    Model,
    ports::{AuditEntry, Build, BuildState, ReadStore},
};

/// Retires the builds of these read models, of whatever version, that do not follow from this log: it was restored from
/// an older backup or replaced since they were folded. Answers how many.
///
/// Needs no lease: a build is retired only where it was seen, and its writer's next step finds it gone.
pub(super) async fn discard_foreign(
    events: &dyn EventStore,
    store: &dyn ReadStore,
    clock: &dyn Clock,
    models: &[Model],
) -> Result<usize, RunError> {
    let (mut looked_up, mut discarded) = (HashMap::new(), Vec::new());
    let concerns = |build: &Build| {
        matches!(build.state, BuildState::Live | BuildState::Building)
            && models.iter().any(|model| model.name == build.id.model)
    };
    for build in store.builds().await?.into_iter().filter(concerns) {
        let place = build.place();
        let fits = match looked_up.get(&place.position).filter(|(known, _)| *known == place) {
            Some((_, fits)) => *fits,
            // Builds mostly stand at one place.
            None => {
                let fits = holds(events, place).await?;
                looked_up.insert(place.position, (place, fits));
                fits
            }
        };
        if !fits && store.discard_build(&build, &record(&build, clock)).await? {
            discarded.push(format!("{} at {}", build.id, build.position));
        }
    }
    if !discarded.is_empty() {
        tracing::warn!(
            builds = discarded.join(", "),
            "read models do not follow from this log, which was restored or replaced: they are built anew from it"
        );
    }
    Ok(discarded.len())
}

fn record(build: &Build, clock: &dyn Clock) -> AuditEntry {
    AuditEntry {
        at: clock.now(),
        actor: "system".to_owned(),
        action: "discard".to_owned(),
        build: build.id.clone(),
        position: build.position,
        reason: "the log holds another event there, or none".to_owned(),
    }
}
